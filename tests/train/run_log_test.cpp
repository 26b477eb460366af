// The numbers of a run as JSON lines, and as TensorBoard reads them.
#include "framework/train/run_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "framework/base/error.h"
#include "framework/base/file.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using testing::HasSubstr;

class RunLogTest : public testing::Test {
 protected:
  std::vector<std::string> event_files() const {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(scratch_.path() / "events"))
      files.push_back(read_file(entry.path(), 1 << 20));
    return files;
  }
  /// The events of a file, from its records of length, checksum, bytes and checksum.
  static std::vector<std::string> events(std::string_view file) {
    std::vector<std::string> out;
    while (!file.empty()) {
      uint64_t length = 0;
      std::memcpy(&length, file.data(), sizeof length);
      out.emplace_back(file.substr(12, length));
      file.remove_prefix(12 + length + 4);
    }
    return out;
  }

  test::Scratch scratch_;
  std::filesystem::path lines_ = scratch_.path() / "metrics.jsonl";
};

TEST_F(RunLogTest, WritesALineForEachReport) {
  RunLog log(lines_, "");
  log.begin(0);
  log.add(10, {{"loss/a", 1.5}, {"seconds", 2}});
  EXPECT_EQ(read_file(lines_, 4096), "{\"step\":10,\"loss/a\":1.5,\"seconds\":2.0}\n");
  EXPECT_FALSE(std::filesystem::exists(scratch_.path() / "events"));
}

TEST_F(RunLogTest, ARunThatContinuesRemovesLaterLines) {
  {
    RunLog log(lines_, "");
    log.begin(0);
    for (const int64_t step : {10, 20, 30}) log.add(step, {{"a", 1}});
  }
  RunLog log(lines_, "");
  log.begin(20);
  log.add(25, {{"a", 2}});
  EXPECT_EQ(read_file(lines_, 4096),
            "{\"step\":10,\"a\":1.0}\n{\"step\":20,\"a\":1.0}\n{\"step\":25,\"a\":2.0}\n");
  const std::string before = read_file(lines_, 4096);
  RunLog anew(lines_, "");
  anew.begin(0);
  EXPECT_EQ(read_file(lines_, 4096), before);  // a run that fails at once loses nothing
  anew.add(1, {{"a", 3}});
  EXPECT_EQ(read_file(lines_, 4096), "{\"step\":1,\"a\":3.0}\n");
}

TEST_F(RunLogTest, ALineThatWasCutShortIsRemoved) {
  write_file(lines_, "{\"step\":10,\"a\":1.0}\n{\"step\":20");
  RunLog log(lines_, "");
  log.begin(20);
  log.add(25, {{"a", 2}});
  EXPECT_EQ(read_file(lines_, 4096), "{\"step\":10,\"a\":1.0}\n{\"step\":25,\"a\":2.0}\n");
}

TEST_F(RunLogTest, RunsOfOneProcessHaveEventFilesOfTheirOwn) {
  RunLog first(lines_, scratch_.path() / "events"), second(lines_, scratch_.path() / "events");
  for (RunLog* log : {&first, &second}) {
    log->begin(0);
    log->add(1, {{"a", 1}});
  }
  EXPECT_EQ(event_files().size(), 2u);
  write_file(scratch_.path() / "file", "x");
  RunLog third(lines_, scratch_.path() / "file");
  third.begin(0);
  EXPECT_THROW(third.add(1, {{"a", 1}}), RunError);
}

TEST_F(RunLogTest, WritesEventsForTensorBoard) {
  RunLog log(lines_, scratch_.path() / "events");
  log.begin(0);
  log.add(300, {{"loss/a", 1.5}});
  ASSERT_EQ(event_files().size(), 1u);
  const std::string file = event_files()[0];
  // The beginning of every event file of TensorFlow: the length 24 and its checksum.
  EXPECT_EQ(file.substr(0, 12), std::string("\x18\0\0\0\0\0\0\0\xa3\x7f\x4b\x22", 12));
  const auto all = events(file);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_THAT(all[0], HasSubstr("\x1a\x0d"
                                "brain.Event:2"));
  // step: 300, summary { value { tag: "loss/a", simple_value: 1.5 } }
  EXPECT_EQ(all[1].substr(9), std::string("\x10\xac\x02\x2a\x0f\x0a\x0d\x0a\x06loss/a\x15\0\0\xc0\x3f", 20));
}

TEST_F(RunLogTest, AFileThatCannotBeWrittenIsAnError) {
  RunLog log(scratch_.path(), "");
  log.begin(0);
  EXPECT_THROW(log.add(1, {{"a", 1}}), Error);
}

}  // namespace
}  // namespace flam
