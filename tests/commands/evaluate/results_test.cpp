// `flam evaluate --output`: what is written, how a run continues, and scores without a model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "framework/base/file.h"
#include "framework/commands/evaluate/evaluate.h"
#include "framework/commands/evaluate/rescore.h"
#include "tests/support/requests.h"
#include "tests/support/stored.h"

namespace flam {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::StartsWith;

const std::string kScene = FLAM_SOURCE_DIR "/docs/images/scene.png";

std::shared_ptr<Session> open(const std::string& config, std::vector<std::string> overrides = {}) {
  static std::map<std::string, std::shared_ptr<Session>> open;
  RunOptions options;
  options.plugin_path = {FLAM_FIXTURE_PLUGINS "/stored"};
  options.hash_weights = true;
  options.threads = 1;
  options.overrides = std::move(overrides);
  std::string name = config;
  for (const std::string& assignment : options.overrides) name += " " + assignment;
  auto& session = open[name];
  if (!session) session = Session::open(config, options);
  return session;
}

class Results : public testing::Test {
 protected:
  Results() {
    options_.limit = 6;
    options_.batch_size = 2;
    options_.swapped = true;
    options_.resamples = 20;
    options_.output = path("results");
  }
  std::string path(const std::string& name) const { return (scratch_ / name).string(); }
  std::string text(const std::string& name, const std::string& folder = "results") const {
    return read_file(scratch_ / folder / name, 1 << 22);
  }
  std::vector<Json> lines(const std::string& name, const std::string& folder = "results") const {
    std::istringstream in(text(name, folder));
    std::vector<Json> out;
    for (std::string line; std::getline(in, line);) out.push_back(Json::parse(line));
    return out;
  }
  bool has(const std::string& name) const { return fs::exists(scratch_ / "results" / name); }
  Evaluation run() { return evaluate(*session_, options_); }
  /// Runs until a number of records are done, and returns how many records had answers before.
  void run_until(int64_t count) {
    bool stop = false;
    options_.progress = [&](int64_t done, int64_t, int64_t) { stop = stop || done >= count; };
    options_.cancelled = [&] { return stop; };
    EXPECT_EQ(error_of([&] { run(); }), "interrupted");
    options_.progress = nullptr;
    options_.cancelled = nullptr;
  }
  /// A session with the records of `lines` (JSON lines of image_folder), below the folder `data`.
  std::shared_ptr<Session> on_folder(const std::string& lines) const {
    fs::create_directories(scratch_ / "data");
    write_file(scratch_ / "data" / "annotations.jsonl", lines);
    return open("flamingo_mini_caption",
                {"dataset={_delete_: true, type: image_folder, folder: " + path("data") + "}",
                 "metrics=[{type: exact_match}]"});
  }

  test::Scratch scratch_;
  EvaluateOptions options_;
  std::shared_ptr<Session> session_ = open("flamingo_mini_vqa");
};

TEST_F(Results, FolderHoldsPredictionsScoresAndAReceipt) {
  const Evaluation result = run();
  const auto predictions = lines("predictions.jsonl");
  ASSERT_EQ(predictions.size(), 6u);
  for (size_t i = 0; i < predictions.size(); ++i) {
    const Json& line = predictions[i];
    EXPECT_EQ(line["index"], i);
    EXPECT_THAT(line["id"].get<std::string>(), StartsWith("scene 0."));
    for (const char* member : {"kind", "question", "prompt", "answer", "raw", "references", "key"})
      EXPECT_FALSE(line[member].empty()) << member;
    EXPECT_LE(line["logprob"].get<double>(), 1e-6);
    EXPECT_THAT(line["prompt"].get<std::string>(), HasSubstr(line["question"].get<std::string>()));
    EXPECT_TRUE(line["facts"].contains("seed"));
  }
  const auto swapped = lines("swapped.jsonl");
  ASSERT_EQ(swapped.size(), 6u);
  for (const Json& line : swapped) EXPECT_NE(line["picture_of"], line["id"]);
  EXPECT_EQ(lines("blind.jsonl").size(), 6u);
  EXPECT_THAT(lines("blind.jsonl")[0]["prompt"].get<std::string>(), testing::Not(HasSubstr("<image>")));

  const Json scores = Json::parse(text("scores.json"));
  EXPECT_EQ(scores, evaluation_json(result));
  EXPECT_EQ(scores["n"], 6);
  EXPECT_EQ(scores["intervals"]["exact"].size(), 2u);
  EXPECT_TRUE(scores["control_tests"]["swapped"]["exact"].contains("p_value"));
  const Json receipt = Json::parse(text("receipt.json"));
  EXPECT_EQ(receipt["config"]["dataset"]["type"], "scenes");
  EXPECT_EQ(receipt["evaluation"]["records"], 6);
  EXPECT_EQ(receipt["weights"][0]["sha256"].get<std::string>().size(), 64u);
  EXPECT_TRUE(receipt["milliseconds"].contains("vision"));
  EXPECT_FALSE(has("predictions.jsonl.partial"));
  EXPECT_FALSE(has("vqa_results.json"));
}

TEST_F(Results, ContinueAfterAnInterruption) {
  run();
  options_.output = path("other");
  run_until(4);
  EXPECT_FALSE(fs::exists(path("other/scores.json")));
  EXPECT_EQ(lines("predictions.jsonl.partial", "other").size(), 4u);
  EXPECT_THAT(error_of([&] { rescore(options_.output, {}); }), HasSubstr("has not ended"));
  int64_t kept = 0;
  options_.progress = [&](int64_t, int64_t, int64_t before) { kept = before; };
  run();
  EXPECT_EQ(kept, 4);
  for (const char* file : {"predictions.jsonl", "blind.jsonl", "swapped.jsonl", "scores.json"})
    EXPECT_EQ(text(file), text(file, "other")) << file;
}

TEST_F(Results, ABatchThatWasStoredInPartIsAnsweredAnew) {
  run();
  options_.output = path("other");
  run_until(4);
  const std::string partial = text("predictions.jsonl.partial", "other");
  const size_t third = partial.find('\n', partial.find('\n') + 1) + 1;
  write_file(path("other/predictions.jsonl.partial"), partial.substr(0, partial.find('\n', third) + 9));
  int64_t kept = 0;
  options_.progress = [&](int64_t, int64_t, int64_t before) { kept = before; };
  run();
  EXPECT_EQ(kept, 2);
  for (const char* file : {"predictions.jsonl", "blind.jsonl", "scores.json"})
    EXPECT_EQ(text(file), text(file, "other")) << file;
}

TEST_F(Results, MoreRecordsContinueAndFewerAreRefused) {
  options_.limit = 4;
  run();
  options_.limit = 6;
  int64_t kept = 0;
  options_.progress = [&](int64_t, int64_t, int64_t before) { kept = before; };
  EXPECT_EQ(run().answers.answered, 6);
  EXPECT_EQ(kept, 4);
  const std::string before = text("predictions.jsonl");
  options_.limit = 4;
  EXPECT_THAT(error_of([&] { run(); }),
              AllOf(StartsWith(path("results/predictions.jsonl") + ":6: "), HasSubstr("raise --limit")));
  EXPECT_EQ(text("predictions.jsonl"), before);
  options_.overwrite = true;
  EXPECT_EQ(run().n, 4);
  EXPECT_EQ(lines("predictions.jsonl").size(), 4u);
}

TEST_F(Results, AFolderOfAnotherRunIsRefused) {
  run();
  const std::string before = text("predictions.jsonl");
  session_ = open("flamingo_mini_vqa", {"generation.max_new_tokens=3", "dataset.seed=5"});
  EXPECT_THAT(error_of([&] { run(); }), AllOf(HasSubstr("results of another run"), HasSubstr("--overwrite"),
                                              HasSubstr("generation.max_new_tokens is 8 there and 3 now"),
                                              HasSubstr("dataset.seed is 0 there and 5 now")));
  EXPECT_EQ(text("predictions.jsonl"), before);
  session_ = open("flamingo_mini_vqa", {"metrics=[{type: exact_match, ignore_case: true}]"});
  EXPECT_EQ(run().answers.answered, 6);  // other metrics are no other run
  write_file(path("file"), "");
  options_.output = path("file");
  EXPECT_THAT(error_of([&] { run(); }), HasSubstr("cannot write to the folder"));
}

TEST_F(Results, HaveTheFormatsOfTheServers) {
  test::write_stored(scratch_ / "stored.safetensors", session_->model(), session_->transforms(), 3);
  const auto run_with = [&](const std::string& fact) {
    const std::string dataset = "dataset={_delete_: true, type: stored, file: " + path("stored.safetensors") +
                                ", fact: '" + fact + "'}";
    session_ = open("flamingo_mini_caption", {dataset, "metrics=[{type: exact_match}]"});
    options_.blind = options_.swapped = false;
    options_.overwrite = true;
    run();
  };
  run_with("image_id");
  const auto predictions = lines("predictions.jsonl");
  const Json captions = Json::parse(text("captions_results.json"));
  ASSERT_EQ(captions.size(), predictions.size());
  EXPECT_EQ(captions[1], (Json{{"image_id", 101}, {"caption", predictions[1]["answer"]}}));
  EXPECT_FALSE(has("vqa_results.json"));
  run_with("question_id");
  EXPECT_EQ(Json::parse(text("vqa_results.json"))[2],
            (Json{{"question_id", 102}, {"answer", predictions[2]["answer"]}}));
  EXPECT_FALSE(has("captions_results.json"));
  run_with("");
  EXPECT_FALSE(has("vqa_results.json"));
}

TEST_F(Results, MetricsThatNameTheirScoresAlikeAreToldApart) {
  options_.swapped = false;
  session_ = open("flamingo_mini_vqa", {"metrics=[{type: exact_match}, {type: exact_match, strip: false}]"});
  const Evaluation result = run();
  EXPECT_THAT(result.answers.scores, ElementsAre(Pair("exact", testing::_), Pair("exact_2", testing::_)));
  const Json scores = Json::parse(text("scores.json"));
  EXPECT_EQ(scores["intervals"].size(), 2u);
  EXPECT_EQ(scores["control_tests"]["blind"].size(), 2u);
}

TEST_F(Results, FailuresAreStoredAndTriedAgain) {
  fs::create_directories(scratch_ / "data");
  fs::copy_file(kScene, scratch_ / "data" / "a.png");
  const auto line = [](const std::string& name) {
    return R"({"image": ")" + name + R"(", "references": ["a red circle"]})" + "\n";
  };
  session_ = on_folder(line("a.png") + line("b.png") + line("a.png"));
  options_.swapped = false;
  EXPECT_EQ(run().answers.failed, 1);
  EXPECT_THAT(lines("predictions.jsonl")[1]["error"].get<std::string>(), HasSubstr("b.png"));
  EXPECT_EQ(lines("blind.jsonl").size(), 2u);
  EXPECT_EQ(Json::parse(text("scores.json"))["failed"], 1);
  const Evaluation again = rescore(options_.output, {});
  EXPECT_EQ(again.answers.failed, 1);
  EXPECT_THAT(again.answers.failures, ElementsAre(HasSubstr("b.png: ")));

  fs::copy_file(kScene, scratch_ / "data" / "b.png");
  EXPECT_EQ(run().answers.failed, 0);
  EXPECT_EQ(lines("predictions.jsonl")[1]["answer"], lines("predictions.jsonl")[0]["answer"]);
  EXPECT_EQ(lines("blind.jsonl").size(), 3u);

  write_file(scratch_ / "data" / "annotations.jsonl", line("b.png") + line("b.png") + line("a.png"));
  EXPECT_THAT(error_of([&] { run(); }), AllOf(StartsWith(path("results/predictions.jsonl") + ":1: "),
                                              HasSubstr("the dataset has changed")));
}

TEST_F(Results, AreScoredAgainWithoutAModel) {
  run();
  RescoreOptions options;
  options.resamples = options_.resamples;
  EXPECT_EQ(evaluation_json(rescore(options_.output, options)), Json::parse(text("scores.json")));
  options.overrides = {"metrics=[{type: scene_truth}]"};
  const auto other = rescore(options_.output, options).answers.scores;
  ASSERT_FALSE(other.empty());
  EXPECT_EQ(other[0].first, "true");
  options.overrides = {"dataset.size=3"};
  EXPECT_THAT(error_of([&] { rescore(options_.output, options); }), HasSubstr("only the metrics can be set"));
  EXPECT_THAT(error_of([&] { rescore(path("none"), {}); }), HasSubstr("has no receipt.json"));
  write_file(path("results/predictions.jsonl"), text("predictions.jsonl") + "{\"id\": 3}\n");
  EXPECT_THAT(error_of([&] { rescore(options_.output, {}); }),
              AllOf(StartsWith(path("results/predictions.jsonl") + ":7: "), HasSubstr("not a prediction")));
}

TEST_F(Results, ThatLostPredictionsAreNotScored) {
  run();
  const std::string all = text("predictions.jsonl");
  for (const std::string& some : {all.substr(0, all.find('\n') + 1), all + all, std::string()}) {
    write_file(path("results/predictions.jsonl"), some);
    EXPECT_THAT(error_of([&] { rescore(options_.output, {}); }), HasSubstr("but its run had 6 records"));
  }
}

TEST_F(Results, AFolderInThePlaceOfAFileIsAnErrorBeforeTheRun) {
  options_.blind = options_.swapped = false;
  int answers = 0;
  options_.on_answer = [&](const Record&, const Prediction&) { ++answers; };
  for (const char* name : {"receipt.json", "scores.json", "vqa_results.json", "captions_results.json",
                           "predictions.jsonl", "predictions.jsonl.partial"}) {
    options_.output = path(std::string("of ") + name);
    fs::create_directories(fs::path(options_.output) / name / "inside");
    options_.overwrite = name == std::string("predictions.jsonl");
    EXPECT_THAT(error_of([&] { run(); }), AllOf(HasSubstr("cannot write"), HasSubstr(name))) << name;
  }
  EXPECT_EQ(answers, 0);
  options_.overwrite = false;
  options_.output = path("results");
  run();
  fs::remove(scratch_ / "results" / "predictions.jsonl");
  fs::create_directory(scratch_ / "results" / "predictions.jsonl");
  EXPECT_THAT(error_of([&] { rescore(options_.output, {}); }),
              HasSubstr("predictions.jsonl': it is a folder, not a file"));
}

TEST_F(Results, TwoRunsAreComparedOverTheSameRecords) {
  options_.blind = options_.swapped = false;
  run();
  const RunComparison same = compare_runs(options_.output, options_.output, {});
  EXPECT_EQ(same.records, 6);
  ASSERT_EQ(same.tests.size(), 1u);
  EXPECT_EQ(same.tests[0].difference, 0);
  EXPECT_EQ(same.tests[0].p_value, 1);
  options_.limit = 4;
  options_.output = path("fewer");
  run();
  EXPECT_THAT(error_of([&] { compare_runs(path("results"), path("fewer"), {}); }),
              AllOf(HasSubstr("2 records only in"), HasSubstr("and 0 only in"), HasSubstr("4 in both")));
  EXPECT_THAT(error_of([&] { compare_runs(path("fewer"), path("results"), {}); }),
              AllOf(HasSubstr("0 records only in"), HasSubstr("and 2 only in")));
}

}  // namespace
}  // namespace flam
