// Examples before each query, from a dataset.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "framework/base/file.h"
#include "framework/commands/evaluate/evaluate.h"
#include "framework/commands/evaluate/shots.h"
#include "framework/model/checked.h"
#include "tests/support/requests.h"

namespace flam {
namespace {

using Json = nlohmann::ordered_json;
using testing::AllOf;
using testing::HasSubstr;

class ShotsOfEvaluate : public testing::Test {
 protected:
  ShotsOfEvaluate() {
    options_.limit = 3;
    options_.batch_size = 2;
    options_.blind = false;
    options_.output = (folder_ / "results").string();
  }
  Evaluation run(const std::string& shots, std::vector<std::string> more = {},
                 const std::string& config = "flamingo_mini_caption") {
    RunOptions options;
    options.threads = 1;
    options.hash_weights = true;
    more.push_back("shots={" + shots + "}");
    options.overrides = std::move(more);
    return evaluate(*Session::open(config, options), options_);
  }
  std::vector<Json> predictions() const {
    std::istringstream in(read_file(folder_ / "results" / "predictions.jsonl", 1 << 22));
    std::vector<Json> out;
    for (std::string line; std::getline(in, line);) out.push_back(Json::parse(line));
    return out;
  }

  test::Scratch folder_;
  EvaluateOptions options_;
};

const std::string kTraining = "dataset: {type: scenes, split: train, size: 20, seed: 7}";

TEST_F(ShotsOfEvaluate, StandBeforeEachQuery) {
  options_.shots = 4;
  EXPECT_EQ(run(kTraining).shots, 4);
  std::set<std::string> all;
  for (const Json& line : predictions()) {
    ASSERT_EQ(line["shots"].size(), 4u);
    const auto ids = line["shots"].get<std::set<std::string>>();
    EXPECT_EQ(ids.size(), 4u);
    all.insert(ids.begin(), ids.end());
    const std::string prompt = line["prompt"];
    size_t images = 0;
    for (size_t at = prompt.find("<image>"); at != std::string::npos; at = prompt.find("<image>", at + 1))
      ++images;
    EXPECT_EQ(images, 5u) << prompt;
  }
  EXPECT_GT(all.size(), 4u);  // each query has its own
  const Json receipt = Json::parse(read_file(folder_ / "results" / "receipt.json", 1 << 22));
  EXPECT_EQ(receipt["evaluation"]["shots"]["num_shots"], 4);
  EXPECT_EQ(receipt["evaluation"]["shot_ids"].get<std::set<std::string>>(), all);

  const auto first = predictions();
  options_.overwrite = true;
  run(kTraining);
  EXPECT_EQ(predictions(), first);
  run(kTraining + ", seed: 1");
  EXPECT_NE(predictions()[0]["shots"], first[0]["shots"]);
}

TEST_F(ShotsOfEvaluate, TheirNumberBelongsToTheRun) {
  run("num_shots: 1, " + kTraining);
  EXPECT_EQ(predictions()[0]["shots"].size(), 1u);
  options_.shots = 2;
  EXPECT_THAT(error_of([&] { run("num_shots: 1, " + kTraining); }),
              HasSubstr("shots.num_shots is 1 there and 2 now"));
  options_.overwrite = true;
  options_.shots = 0;
  EXPECT_EQ(run("num_shots: 1, " + kTraining).shots, 0);
  EXPECT_FALSE(predictions()[0].contains("shots"));
}

TEST_F(ShotsOfEvaluate, AQueryIsNotItsOwnShot) {
  options_.shots = 2;
  const std::string same = "dataset: {type: scenes, size: 4}";
  EXPECT_THAT(error_of([&] { run(same); }),
              AllOf(HasSubstr("3 of the 3 query records have the id or the picture of a record"),
                    HasSubstr("the first: 'scene 0.0'"), HasSubstr("exclude")));
  run(same + ", overlap: exclude");
  for (const Json& line : predictions())
    for (const Json& shot : line["shots"]) EXPECT_NE(shot, line["id"]);
  // The same pictures under other ids: records of which two share a picture.
  options_.overwrite = true;
  options_.shots = 4;
  EXPECT_EQ(run(same + ", overlap: allow").shots, 4);
  EXPECT_THAT(error_of([&] { run(same + ", overlap: exclude"); }),
              HasSubstr("4 shots for each query, but the dataset of the shots has 3 records that may stand"));
}

TEST_F(ShotsOfEvaluate, APictureFileIsNotShownTwice) {
  std::filesystem::create_directories(folder_ / "data");
  std::filesystem::copy_file(FLAM_SOURCE_DIR "/docs/images/scene.png", folder_ / "data" / "a.png");
  const auto folder = [&](const std::string& name, const std::string& image) {
    std::filesystem::create_directories(folder_ / name);
    write_file(folder_ / name / "annotations.jsonl",
               R"({"image": ")" + image + R"(", "references": ["a circle"]})" + "\n");
    return "{_delete_: true, type: image_folder, folder: " + (folder_ / name).string() + "}";
  };
  options_.shots = 1;
  const std::string queries = "dataset=" + folder("data", "a.png");
  EXPECT_THAT(
      error_of([&] {
        run("dataset: " + folder("more", "../data/a.png"), {queries, "metrics=[{type: exact_match}]"});
      }),
      HasSubstr("1 of the 1 query record has the id or the picture"));
}

TEST_F(ShotsOfEvaluate, ErrorsAreFoundBeforeTheFirstBatch) {
  options_.shots = 21;
  EXPECT_THAT(error_of([&] { run(kTraining); }),
              HasSubstr("21 shots for each query, but the dataset of the shots has 20 records"));
  EXPECT_THAT(error_of([&] { run("num_shots: 1"); }), HasSubstr("dataset"));
  EXPECT_THAT(error_of([&] { run(kTraining + ", selection: nearest"); }), HasSubstr("random"));
  RunOptions none;
  none.threads = 1;
  const auto session = Session::open("flamingo_mini_caption", none);
  EXPECT_THAT(error_of([&] { evaluate(*session, options_); }), HasSubstr("names no `shots`"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "results" / "receipt.json"));
}

TEST_F(ShotsOfEvaluate, FixedOnesAreTheSameForAllQueriesAndAreReadOnce) {
  options_.shots = 3;
  options_.blind = options_.swapped = true;
  const std::string fixed = kTraining + ", selection: fixed, seed: 5";
  run(fixed);
  const auto answers = predictions();
  ASSERT_EQ(answers.size(), 3u);

  RunOptions opening;
  opening.threads = 1;
  opening.overrides = {"shots={" + fixed + "}"};
  const auto session = Session::open("flamingo_mini_caption", opening);
  const auto input = Dataset::Input::of(session->task_head());
  const RunConfig& config = session->config();
  const auto queries = build_checked<Dataset>(session->registry(), config.dataset, input);
  const Shots shots(*config.shots, 3,
                    build_checked<Dataset>(session->registry(), config.shots->source, input), *queries);
  const auto context = session->context(shots.same_for_all().value());
  EXPECT_GT(context->kept_tokens(), 0);
  for (int64_t i = 0; i < 3; ++i) {
    std::vector<std::string> ids;
    Record record = queries->at(i);
    const Request request = shots.with_shots(i, record, ids);
    EXPECT_TRUE(context->begins(prompt_of(session->task(request))));
    const Outcome whole = session->answer({&request, 1}).at(0);  // without a context
    const Json& line = answers[static_cast<size_t>(i)];
    EXPECT_EQ(line["shots"].get<std::vector<std::string>>(), ids);
    EXPECT_EQ(line["shots"], answers[0]["shots"]);
    EXPECT_EQ(line["prompt"], whole.prompt);
    EXPECT_EQ(line["answer"], whole.answer.front().second);
    EXPECT_NEAR(line["logprob"].get<double>(), whole.result.hypotheses.at(0).logprob, 1e-4);
  }

  options_.overwrite = true;
  run(kTraining + ", selection: fixed, seed: 6");
  EXPECT_NE(predictions()[0]["shots"], answers[0]["shots"]);
  options_.shots = 2;
  EXPECT_THAT(error_of([&] { run("dataset: {type: scenes, size: 4}, selection: fixed, overlap: exclude"); }),
              HasSubstr("2 shots for each query, but the dataset of the shots has 1 record that may stand "
                        "before all queries"));
}

TEST_F(ShotsOfEvaluate, SimilarPicturesStandNextToTheQuery) {
  // The queries are among the records, and nothing is more like a picture than itself.
  options_.shots = 3;
  const std::string index = (folder_ / "index.safetensors").string();
  const std::string shots =
      "dataset: {type: scenes, size: 20, seed: 7}, selection: similar, overlap: allow, index: " + index;
  const std::vector<std::string> queries = {"dataset={type: scenes, size: 3, seed: 7}"};
  run(shots, queries);
  const auto first = predictions();
  ASSERT_EQ(first.size(), 3u);
  for (const Json& line : first) {
    ASSERT_EQ(line["shots"].size(), 3u);
    EXPECT_EQ(line["shots"].back(), line["id"]);
  }
  ASSERT_TRUE(std::filesystem::exists(index));
  const auto made = std::filesystem::last_write_time(index);
  options_.overwrite = true;
  run(shots, queries);  // from the file
  EXPECT_EQ(std::filesystem::last_write_time(index), made);
  for (size_t i = 0; i < first.size(); ++i) EXPECT_EQ(predictions()[i]["shots"], first[i]["shots"]);
  run("dataset: {type: scenes, size: 20, seed: 7}, selection: similar, overlap: exclude", queries);
  for (const Json& line : predictions())
    for (const Json& shot : line["shots"]) EXPECT_NE(shot, line["id"]);
  write_file(index, "something else");
  EXPECT_THROW(run(shots, queries), Error);
}

TEST_F(ShotsOfEvaluate, AreOfTheQuerysKind) {
  options_.shots = 2;
  options_.limit = 4;
  const std::string records = "dataset: {type: scenes, split: train, size: 200, seed: 7}";
  run(records + ", selection: same_kind", {}, "flamingo_mini_vqa");
  const auto lines = predictions();
  // The kinds of these records, by the question they ask.
  options_.overwrite = true;
  options_.limit = 200;
  options_.shots = 0;
  run(records, {"dataset={type: scenes, split: train, size: 200, seed: 7}"}, "flamingo_mini_vqa");
  std::map<std::string, std::string> kinds;
  for (const Json& line : predictions()) kinds[line["id"]] = line["kind"];
  for (const Json& line : lines) {
    ASSERT_EQ(line["shots"].size(), 2u);
    for (const Json& shot : line["shots"]) EXPECT_EQ(kinds[shot], line["kind"]) << line["question"];
  }
  options_.shots = 3;
  EXPECT_THAT(error_of([&] {
                run("dataset: {type: scenes, split: train, size: 5, seed: 7}, selection: same_kind", {},
                    "flamingo_mini_vqa");
              }),
              AllOf(HasSubstr("3 shots for each query, but the dataset of the shots has"),
                    HasSubstr("of the kind '"), HasSubstr("', as of query ")));
}

TEST_F(ShotsOfEvaluate, ShowTheFormOfTheAnswer) {
  const std::string forms = kTraining + ", answer_forms: ['it is {answer}', '{answer}!']";
  std::vector<std::string> references;
  for (const int64_t shots : {0, 2}) {
    options_.shots = shots;
    options_.overwrite = true;
    run(forms, {}, "flamingo_mini_vqa");
    std::vector<std::string> now;
    for (const Json& line : predictions()) {
      const std::string reference = line["references"][0], prompt = line["prompt"];
      now.push_back(reference);
      const bool is_sentence = reference.starts_with("it is ");
      EXPECT_NE(is_sentence, reference.ends_with("!")) << reference;
      EXPECT_EQ(prompt.find(is_sentence ? "Answer:it is " : "!<|endofchunk|>") != std::string::npos,
                shots > 0)
          << prompt;
    }
    if (shots > 0) {
      EXPECT_EQ(now, references);
    }
    references = now;
  }
}

}  // namespace
}  // namespace flam
