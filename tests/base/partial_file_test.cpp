#include "framework/base/partial_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "framework/base/file.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using testing::HasSubstr;

class Partial : public testing::Test {
 protected:
  std::string text() const { return read_file(path_, 100); }
  test::Scratch folder_;
  const std::string path_ = (folder_ / "run.partial").string();
};

TEST_F(Partial, KeepsWhatWasAppended) {
  { PartialFile(path_).append("one\ntw"); }
  PartialFile file(path_);
  EXPECT_EQ(file.size(), 6);
  file.truncate(4);
  file.append("two\n");
  EXPECT_EQ(text(), "one\ntwo\n");
  EXPECT_EQ(file.size(), 8);
}

TEST_F(Partial, LeavesNoEmptyFile) {
  { const PartialFile file(path_); }
  EXPECT_FALSE(fs::exists(path_));
  PartialFile file(path_);
  file.append("one\n");
  file.remove();
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(Partial, BelongsToOneRun) {
  const PartialFile file(path_);
  EXPECT_THAT(error_of([&] { PartialFile again(path_); }), HasSubstr("another run is writing to"));
  EXPECT_THAT(error_of([&] { PartialFile in(folder_.path().string()); }), HasSubstr("cannot write"));
}

}  // namespace
}  // namespace flam
