// `flam infer --output`: what is written, and how a run continues after an interruption.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "framework/base/file.h"
#include "framework/commands/infer/infer.h"
#include "framework/session/receipt.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/requests.h"

namespace flam {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

const std::string kScene = FLAM_SOURCE_DIR "/docs/images/scene.png";

std::shared_ptr<Session> open_once(const std::string& config) {
  static std::map<std::string, std::shared_ptr<Session>> open;
  RunOptions options;
  options.hash_weights = true;
  auto& session = open[config];
  if (!session) session = Session::open(config, options);
  return session;
}

class Output : public testing::Test {
 protected:
  Output() {
    options_.config = "flamingo_mini_caption";
    options_.max_new_tokens = 3;
    options_.inputs.images = {folder()};
    options_.output = path("out.jsonl");
    hooks_.open = [](const std::string& config, const RunOptions&) { return open_once(config); };
    hooks_.outcome = [this](const Request& request, const Outcome& outcome, const GenerationParams& params) {
      answered_.push_back(fs::path(request.id).filename());
      json_.push_back(outcome_json(request, outcome, params.n_best));
    };
    fs::create_directory(folder());
    for (const char* name : {"a.png", "b.png", "c.png"}) add_picture(name);
  }
  std::string path(const std::string& name) const { return (scratch_ / name).string(); }
  std::string folder() const { return path("pictures"); }
  void add_picture(const std::string& name) const {
    fs::copy_file(kScene, fs::path(folder()) / name, fs::copy_options::overwrite_existing);
  }

  InferReport run() {
    answered_.clear();
    json_.clear();
    return infer(options_, hooks_);
  }
  /// Runs until `count` requests are answered.
  void run_and_stop_after(size_t count) {
    hooks_.cancelled = [this, count] { return answered_.size() >= count; };
    run();
    hooks_.cancelled = nullptr;
  }
  std::string text(const std::string& name) const { return read_file(scratch_ / name, 1 << 20); }
  std::vector<Json> records(const std::string& name = "out.jsonl") const {
    std::istringstream in(text(name));
    std::vector<Json> records;
    for (std::string line; std::getline(in, line);) records.push_back(Json::parse(line));
    return records;
  }
  std::vector<std::string> names(const std::string& name = "out.jsonl") const {
    std::vector<std::string> names;
    for (const Json& record : records(name))
      names.push_back(fs::path(record["id"].get<std::string>()).filename());
    return names;
  }

  test::Scratch scratch_;
  InferOptions options_;
  InferHooks hooks_;
  std::vector<std::string> answered_;
  std::vector<Json> json_;
};

TEST_F(Output, HasTheObjectsOfJsonAndAKey) {
  const InferReport report = run();
  EXPECT_EQ(report.done, 3);
  auto stored = records();
  ASSERT_EQ(stored.size(), 3u);
  for (size_t i = 0; i < stored.size(); ++i) {
    EXPECT_EQ(stored[i]["key"].get<std::string>().size(), 33u);
    stored[i].erase("key");
    EXPECT_EQ(stored[i], json_[i]);
    EXPECT_TRUE(stored[i].contains("confidence"));
  }
  EXPECT_FALSE(fs::exists(path("out.jsonl.partial")));
}

TEST_F(Output, ContinuesAfterAnInterruption) {
  run_and_stop_after(2);
  EXPECT_FALSE(fs::exists(options_.output));
  EXPECT_THAT(names("out.jsonl.partial"), ElementsAre("a.png", "b.png"));
  write_file(path("out.jsonl.partial"), text("out.jsonl.partial") + R"({"id":"half a li)");
  const InferReport report = run();
  EXPECT_THAT(answered_, ElementsAre("c.png"));
  EXPECT_EQ(report.done, 1);
  EXPECT_EQ(report.kept, 2);
  EXPECT_THAT(names(), ElementsAre("a.png", "b.png", "c.png"));
  EXPECT_FALSE(fs::exists(path("out.jsonl.partial")));

  const std::string before = text("out.jsonl");
  run();
  EXPECT_THAT(answered_, IsEmpty());
  EXPECT_EQ(text("out.jsonl"), before);
}

TEST_F(Output, TriesErrorsAgainAndReplacesTheirLines) {
  write_file(fs::path(folder()) / "b.png", "");
  EXPECT_EQ(run().failed, 1);
  EXPECT_TRUE(records()[1].contains("error"));
  EXPECT_EQ(run().failed, 1);
  EXPECT_THAT(answered_, ElementsAre("b.png"));
  EXPECT_THAT(names(), ElementsAre("a.png", "b.png", "c.png"));

  add_picture("b.png");
  add_picture("aa.png");
  EXPECT_EQ(run().kept, 2);
  EXPECT_THAT(answered_, ElementsAre("aa.png", "b.png"));
  EXPECT_THAT(names(), ElementsAre("a.png", "aa.png", "b.png", "c.png"));
  EXPECT_FALSE(records()[2].contains("error"));
}

TEST_F(Output, KeepsAnswersToWhatIsNotAskedNow) {
  run();
  fs::create_directory(path("more"));
  fs::copy_file(kScene, path("more/d.png"));
  options_.inputs.images = {path("more")};
  run();
  EXPECT_THAT(answered_, ElementsAre("d.png"));
  EXPECT_THAT(names(), ElementsAre("a.png", "b.png", "c.png", "d.png"));
}

TEST_F(Output, RefusesToMixTwoRuns) {
  run();
  const std::string before = text("out.jsonl");
  options_.max_new_tokens = 4;
  EXPECT_THAT(error_of([&] { run(); }),
              AllOf(StartsWith(options_.output + ":1: "), HasSubstr("--overwrite")));
  EXPECT_EQ(text("out.jsonl"), before);
  EXPECT_FALSE(fs::exists(path("out.jsonl.partial")));

  options_.overwrite = true;
  run_and_stop_after(1);
  EXPECT_FALSE(fs::exists(options_.output));
  options_.overwrite = false;
  EXPECT_EQ(run().kept, 1);
  EXPECT_THAT(names(), ElementsAre("a.png", "b.png", "c.png"));
}

TEST_F(Output, CsvIsReadBack) {
  options_.output = path("out.csv");
  const std::string odd = "d, \"quoted\"\nx.png";
  add_picture(odd);
  write_file(fs::path(folder()) / "b.png", "");
  run();
  const std::string csv = text("out.csv");
  EXPECT_THAT(csv, StartsWith("id,pred_caption,confidence,error,key\r\n"));
  EXPECT_THAT(csv, HasSubstr("d, \"\"quoted\"\"\nx.png\","));
  EXPECT_EQ(run().kept, 3);
  EXPECT_THAT(answered_, ElementsAre("b.png"));
  EXPECT_EQ(text("out.csv"), csv);
  run_and_stop_after(1);  // the file stays, and what is new is beside it
  EXPECT_EQ(text("out.csv"), csv);
}

TEST_F(Output, RefusesFilesThatItDidNotWrite) {
  const auto refusal = [this](const std::string& name, const std::string& content) {
    options_.output = path(name);
    write_file(options_.output, content);
    const std::string message = error_of([this] { run(); });
    EXPECT_EQ(text(name), content);
    EXPECT_FALSE(fs::exists(options_.output + ".partial"));
    return message;
  };
  run();
  const std::string good = text("out.jsonl");
  EXPECT_THAT(refusal("x.jsonl", good + "no JSON\n" + good),
              StartsWith(path("x.jsonl") + ":4: not a JSON object"));
  EXPECT_THAT(refusal("x.jsonl", "{\"id\":\"a\",\"pred_caption\":\"b\"}\n"), HasSubstr(":1: not a record"));
  EXPECT_THAT(refusal("x.jsonl", "{\"id\":\"a\",\"key\":\"" + std::string(33, '-') + "\"}\n"),
              HasSubstr(":1: not a record"));
  EXPECT_THAT(
      refusal("x.csv", "image,caption\na,b\n"),
      AllOf(StartsWith(path("x.csv") + ":1: the columns are 'image,caption'"), HasSubstr("--overwrite")));
  EXPECT_THAT(refusal("x.csv", "id,confidence,error,key\na,b\n"),
              HasSubstr(":2: a row of 2 columns; expected 4"));
  EXPECT_THAT(refusal("x.txt", ""), AllOf(HasSubstr(".jsonl"), HasSubstr(".csv")));
  EXPECT_THAT(answered_, IsEmpty());
}

TEST_F(Output, TellsRequestsWithTheSameIdApart) {
  options_.config = "flamingo_mini_vqa";
  options_.inputs = {};
  options_.inputs.request_file = path("requests.jsonl");
  const auto line = [](const std::string& question) {
    return R"({"parts": [{"image": ")" + kScene + R"("}, {"text": ")" + question + "\"}], \"id\": \"x\"}\n";
  };
  const std::string first = line("how many objects are there?"), second = line("is there a ring?");
  write_file(options_.inputs.request_file, first + second + first);
  run();
  EXPECT_EQ(records().size(), 3u);
  EXPECT_NE(records()[0]["key"], records()[1]["key"]);
  EXPECT_EQ(records()[0], records()[2]);

  EXPECT_EQ(run().kept, 3);
  EXPECT_EQ(records().size(), 3u);
  write_file(options_.inputs.request_file, line("is there a star?") + second);
  EXPECT_EQ(run().kept, 1);
  EXPECT_EQ(answered_.size(), 1u);
  EXPECT_EQ(records().size(), 2u);  // the answers to the question that was replaced are gone
}

TEST_F(Output, KeepsWhatIsWrittenWhenTheDiskIsFull) {
  std::string message;
  {
    const test::FileSizeLimit full(400);
    message = error_of([this] { run(); });
  }
  EXPECT_THAT(message, AllOf(HasSubstr("out.jsonl.partial"), HasSubstr("the same command continues")));
  EXPECT_FALSE(fs::exists(options_.output));
  const auto kept = static_cast<int64_t>(records("out.jsonl.partial").size());
  EXPECT_GT(kept, 0);
  EXPECT_EQ(run().kept, kept);
  EXPECT_THAT(names(), ElementsAre("a.png", "b.png", "c.png"));
}

TEST_F(Output, OnlyOneRunWritesAFile) {
  std::string message;
  const auto outer = hooks_.outcome;
  hooks_.outcome = [&](const Request& request, const Outcome& outcome, const GenerationParams& params) {
    outer(request, outcome, params);
    InferHooks hooks;
    hooks.open = hooks_.open;
    if (message.empty()) message = error_of([&] { infer(options_, hooks); });
  };
  run();
  EXPECT_THAT(message, HasSubstr("another run is writing to"));
  EXPECT_THAT(names(), ElementsAre("a.png", "b.png", "c.png"));
}

}  // namespace
}  // namespace flam
