// `flam compare` as a user runs it: table, CSV, JSON and page; what is finished is not run again; a variant
// that fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "tests/cli/run_flam.h"
#include "tests/compare/tiny_experiment.h"

namespace flam {
namespace {

using nlohmann::json;
using test::run_flam;
using testing::HasSubstr;
using testing::Not;

class Compare : public testing::Test {
 protected:
  std::string write(const std::string& text) const {
    write_file(scratch_ / "tiny.yaml", text);
    return (scratch_ / "tiny.yaml").string();
  }
  std::string output() const { return (scratch_ / "out").string(); }
  test::Ran compare(const std::string& text, const std::string& arguments = "") const {
    return run_flam("compare " + write(text) + " --threads 1 --output " + output() + " " + arguments);
  }
  std::string read(const std::string& name) const { return read_file(scratch_ / "out" / name, 1 << 24); }
  /// Every file of the work with that ending.
  std::vector<std::filesystem::path> work(const std::string& ending) const {
    std::vector<std::filesystem::path> out;
    for (const auto& entry : std::filesystem::directory_iterator(scratch_ / "out" / "work"))
      if (entry.path().native().ends_with(ending)) out.push_back(entry.path());
    return out;
  }
  /// When each result was written.
  std::map<std::string, std::filesystem::file_time_type> results() const {
    std::map<std::string, std::filesystem::file_time_type> out;
    for (const auto& entry : std::filesystem::directory_iterator(scratch_ / "out" / "work"))
      if (entry.path().extension() == ".json") out[entry.path().filename()] = entry.last_write_time();
    return out;
  }
  test::Scratch scratch_;
};

TEST_F(Compare, ReportsEveryVariantAndDoesNothingTwice) {
  const auto ran = compare(test::kTinyExperiment);
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("four <latents>"));
  EXPECT_THAT(ran.out, HasSubstr("over 2 seeds"));
  EXPECT_THAT(ran.err, HasSubstr("[4/4] four <latents>, seed 2: bench"));

  const json report = json::parse(read("compare.json"));
  ASSERT_EQ(report["variants"].size(), 2);
  for (const json& variant : report["variants"]) {
    EXPECT_EQ(variant["status"], "done");
    ASSERT_EQ(variant["runs"].size(), 2);
    for (const char* key :
         {"parameters", "flops", "step_flops", "peak_memory_bytes", "training_seconds", "loss pred_caption",
          "loss pred_answer", "score caption.true", "score questions.exact", "latency_ms"}) {
      ASSERT_TRUE(variant["values"].contains(key)) << key;
    }
    EXPECT_EQ(variant["values"]["loss pred_caption"]["n"], 2);
    EXPECT_GT(variant["values"]["latency_ms"]["mean"], 0);
    ASSERT_EQ(variant["curves"].size(), 2);
    EXPECT_EQ(variant["curves"][0]["points"].size(), 2);  // steps 2 and 4
    EXPECT_TRUE(variant["runs"][0]["controls"]["caption"].contains("blind"));
  }
  // 8·16 against 4·16 latents; the same order of the same scenes gives other losses for other seeds.
  EXPECT_EQ(report["variants"][0]["values"]["parameters"]["mean"].get<int>() -
                report["variants"][1]["values"]["parameters"]["mean"].get<int>(),
            4 * 16);
  const json& losses = report["variants"][0]["values"]["loss pred_caption"]["each"];
  EXPECT_NE(losses[0], losses[1]);
  ASSERT_EQ(report["pictures"].size(), 4);
  EXPECT_EQ(report["pictures"][0]["answers"].size(), 2);
  EXPECT_THAT(report["pictures"][0]["picture"].get<std::string>(),
              testing::StartsWith("data:image/png;base64,iVBOR"));

  const std::string csv = read("compare.csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 3);
  EXPECT_THAT(csv, testing::StartsWith("variant,status,seeds,parameters,parameters low,parameters high,"));
  EXPECT_THAT(csv, HasSubstr("\nfour <latents>,done,2,"));

  const std::string page = read("compare.html");
  EXPECT_THAT(page, HasSubstr("four &lt;latents&gt;"));
  EXPECT_THAT(page, Not(HasSubstr("four <latents>")));
  EXPECT_THAT(page, HasSubstr("<h2>Learning curves</h2>"));
  EXPECT_THAT(page, HasSubstr("against latency"));
  EXPECT_THAT(page, HasSubstr("src=\"data:image/png;base64,"));
  for (const char* outside : {"<script", "http://", "https://", "<link", "@import"})
    EXPECT_THAT(page, Not(HasSubstr(outside)));

  const auto before = results();
  EXPECT_EQ(before.size(), 2 * 2 * 4);
  const auto again = compare(test::kTinyExperiment);
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(again.out, ran.out);
  EXPECT_EQ(results(), before);

  // What was lost is done again, and nothing else.
  std::filesystem::remove(scratch_ / "out" / "work" / before.begin()->first);
  EXPECT_EQ(compare(test::kTinyExperiment).status, 0);
  auto after = results();
  ASSERT_EQ(after.size(), before.size());
  EXPECT_NE(after.begin()->second, before.begin()->second);
  after.begin()->second = before.begin()->second;
  EXPECT_EQ(after, before);

  // A trained variant is a config of its own.
  for (const auto& [name, time] : before) {
    if (!name.starts_with("bench")) continue;
    const auto stem = (scratch_ / "out" / "work" / name).string();
    EXPECT_EQ(run_flam("infer " + stem.substr(0, stem.size() - 5) +
                       ".yaml " FLAM_SOURCE_DIR "/docs/images/scene.png")
                  .status,
              0);
    break;
  }
}

/// Without training: random weights, the first words of an answer.
constexpr const char* kUntrained =
    "stages: []\nweights: random\nseeds: [1]\nbench: {records: 1, warmup: 0, new_tokens: 1}\n"
    "base: flamingo_mini_caption\npictures: 0\nset: {generation.max_new_tokens: 2}\n";

TEST_F(Compare, AVariantThatFailsIsARowAndTheOthersAreFinished) {
  const std::string cheap =
      "stages: []\nweights: random\nseeds: [1]\nbench: {records: 1, warmup: 0, new_tokens: 1}\n"
      "base: flamingo_mini_caption\nevaluate: []\nvariants:\n";
  const auto ran = compare(cheap +
                           "  - {name: typo, set: {model.resampler.num_latent: 3}}\n"
                           "  - {name: too deep, set: {dataset: {type: image_folder, folder: /nowhere}}}\n"
                           "  - {name: good}\n");
  EXPECT_EQ(ran.status, 1);
  const json report = json::parse(read("compare.json"));
  EXPECT_EQ(report["variants"][0]["status"], "failed");
  EXPECT_THAT(report["variants"][0]["reason"].get<std::string>(), HasSubstr("did you mean 'num_latents'?"));
  EXPECT_THAT(report["variants"][0]["reason"].get<std::string>(), HasSubstr("tiny.yaml:8:"));
  EXPECT_EQ(report["variants"][1]["status"], "failed");
  EXPECT_EQ(report["variants"][2]["status"], "done");
  EXPECT_THAT(ran.out, HasSubstr("typo: failed; "));
  EXPECT_THAT(ran.err, HasSubstr("typo can't be run: "));
  EXPECT_THAT(read("compare.csv"), HasSubstr("\ntypo,failed,0,"));
  EXPECT_THAT(read("compare.html"), HasSubstr("class=\"failed\">failed: "));
  EXPECT_EQ(compare(cheap + "  - {name: good}\n", "--plan").status, 0);
  const auto plan = compare(cheap + "  - {name: typo, set: {model.resampler.num_latent: 3}}\n", "--plan");
  EXPECT_EQ(plan.status, 1);
  EXPECT_THAT(plan.out, HasSubstr("typo\n  can't be run: "));
}

TEST_F(Compare, AFailureIsKnownUntilItSucceeds) {
  const auto folder = scratch_ / "pictures";
  const std::string experiment = kUntrained +
                                 std::string(
                                     "evaluate: []\nvariants:\n  - {name: base}\n  - {name: elsewhere, set: "
                                     "{dataset: {type: image_folder, folder: ") +
                                 folder.string() + "}}}\n";
  EXPECT_EQ(compare(experiment).status, 1);
  ASSERT_EQ(work(".failed.json").size(), 1);
  const auto report = compare(experiment, "--report --json");
  EXPECT_EQ(report.status, 1) << report.err;
  const json variant = json::parse(report.out)["variants"][1];
  EXPECT_EQ(variant["status"], "failed");
  EXPECT_THAT(variant["reason"].get<std::string>(), testing::StartsWith("seed 1: bench: "));
  EXPECT_EQ(json::parse(report.out)["variants"][0]["status"], "done");

  std::filesystem::create_directory(folder);
  std::filesystem::copy(FLAM_SOURCE_DIR "/docs/images/scene.png", folder);
  write_file(folder / "annotations.jsonl", R"({"image": "scene.png", "references": ["a scene"]})");
  const auto again = compare(experiment);
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_THAT(work(".failed.json"), testing::IsEmpty());
}

TEST_F(Compare, ThePageSaysWhoTrainedAndWhoBeganWithLess) {
  const auto ran = compare(
      std::string(
          "base: flamingo_mini_caption\nseeds: [1]\npictures: 0\nbench: {records: 0}\nevaluate: []\n") +
      "variants: [{name: as it is}, {name: fewer, set: {model.resampler.num_latents: 8}}]\n"
      "stages: [{name: some, only_if_changed: [resampler], set: {dataset: {split: train, size: 100}, train: "
      "{trained: "
      "{\"*\": 1.0e-3}, init_from: [\"${configs}/flamingo_mini/flamingo_mini.safetensors\"], "
      "init_where_it_fits: true, "
      "task_heads: [{type: caption}], steps: 1, batch_size: 2}}}]\n");
  ASSERT_EQ(ran.status, 0) << ran.err;
  const json report = json::parse(read("compare.json"));
  EXPECT_EQ(report["variants"][0]["left_out"], 0);
  EXPECT_EQ(report["variants"][1]["left_out"], 1);
  EXPECT_THAT(read("compare.html"),
              AllOf(HasSubstr("<p>For each seed: trained some, 1 steps (1 of 2 variants). "),
                    HasSubstr("1 tensors of the files that training starts from don't fit")));
}

TEST_F(Compare, AReportOfRunsThatAreNoLongerTheSameIsKept) {
  const std::string experiment = kUntrained + std::string("evaluate: []\nvariants: [{name: base}]\n");
  EXPECT_EQ(compare(experiment).status, 0);
  const std::string before = read("compare.html");
  const auto changed = compare(experiment, "--report --set seeds=[2]");
  EXPECT_EQ(changed.status, 2);
  EXPECT_THAT(changed.err, HasSubstr("nothing to report: "));
  EXPECT_EQ(read("compare.html"), before);
  EXPECT_EQ(compare(experiment, "--report").status, 0);
}

// Weights are random for the variants that no stage trains, and for no others.
TEST_F(Compare, RandomWeightsAreForEachVariantThatNoStageTrains) {
  const auto ran =
      compare(std::string("weights: random\n") + test::kTinyExperiment,
              "--set seeds=[1] --set 'stages=[{name: all, only_if_changed: [vision_backbone], set: {dataset: "
              "{split: train, size: 100}, train: {trained: {\"*\": 1.0e-3}, task_heads: [{type: caption}], "
              "steps: 1, batch_size: 2}}}]' --set 'variants=[{name: as it is}, {name: fine, set: "
              "{model.vision_backbone.num_heads: 4}}]'");
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("[1/2] as it is, seed 1: evaluate caption, "));
  EXPECT_THAT(ran.err, HasSubstr("[2/2] fine, seed 1: train all …\n"));
}

TEST_F(Compare, KeysHoldThreadsForTimesAndTheTokenizersFile) {
  const auto root = scratch_ / "root";
  std::filesystem::create_directory(root);
  std::filesystem::copy(FLAM_SOURCE_DIR "/configs/flamingo_mini/tokenizer.model", root);
  const std::string experiment = kUntrained +
                                 std::string(
                                     "evaluate: [{name: words, limit: 1}]\nvariants: "
                                     "[{name: base, set: {weights.root: ") +
                                 root.string() + "}}]\n";
  EXPECT_EQ(compare(experiment).status, 0);
  EXPECT_EQ(results().size(), 2);
  const auto two = run_flam("compare " + write(experiment) + " --threads 2 --output " + output());
  EXPECT_EQ(two.status, 0) << two.err;
  EXPECT_EQ(work(".json").size(), 3);  // another bench, the same evaluation
  const auto report = run_flam("compare " + write(experiment) + " --report --json --output " + output());
  ASSERT_EQ(report.status, 0) << report.err;  // of the last run, whatever this machine's own number is
  const json told = json::parse(report.out);
  EXPECT_EQ(told["bench"]["threads"], 2);
  EXPECT_EQ(told["variants"][0]["status"], "done");
  EXPECT_EQ(told["tasks"], json::parse(R"([{"name": "words", "records": 1, "variants": 1}])"));
  EXPECT_THAT(
      read("compare.html"),
      HasSubstr("scored by words, 1 records; timed on 1 records, one by one (tokens each: 1, threads: 2)."));
  EXPECT_THAT(compare(experiment, "--plan").out, HasSubstr("evaluate words (done);"));
  write_file(root / "tokenizer.model", "another");
  EXPECT_THAT(compare(experiment, "--plan").out, HasSubstr("evaluate words;"));
}

TEST_F(Compare, AScoreThatIsNotFiniteIsAFailure) {
  const std::string experiment = kUntrained + std::string(
                                                  "evaluate: [{name: words, limit: 1}]\nvariants: "
                                                  "[{name: base, set: {metrics: [{type: no_number}]}}]\n");
  const auto ran = compare(experiment, "--plugin-path " FLAM_NO_NUMBER_PLUGIN);
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, HasSubstr("seed 1: evaluate words: the score 'ratio' is not finite: nan"));
  const auto again = compare(experiment, "--report --plugin-path " FLAM_NO_NUMBER_PLUGIN);
  EXPECT_EQ(again.status, 1) << again.err;
  EXPECT_EQ(again.out, ran.out);
}

TEST_F(Compare, AStoredScoreThatIsNoNumberIsLeftOut) {
  const std::string experiment =
      kUntrained + std::string("evaluate: [{name: words, limit: 1}]\nvariants: [{name: base}]\n");
  EXPECT_EQ(compare(experiment).status, 0);
  for (const auto& file : work(".json")) {
    json result = json::parse(read_file(file, 1 << 24));
    if (!result.contains("scores")) continue;
    for (auto& score : result["scores"]) score = nullptr;  // as JSON has NaN
    write_file(file, result.dump());
  }
  const auto ran = compare(experiment, "--report");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("latency"));
  EXPECT_THAT(ran.out, Not(HasSubstr("words")));
}

// The folder of the results may be anybody's.
TEST_F(Compare, AStoredResultOfAnotherShapeIsNone) {
  const std::string experiment =
      kUntrained + std::string("evaluate: [{name: words, limit: 1}]\nvariants: [{name: base}]\n");
  ASSERT_EQ(compare(experiment).status, 0);
  std::filesystem::path file;
  json right;
  for (const auto& found : work(".json")) {
    const json result = json::parse(read_file(found, 1 << 24));
    if (!result.contains("scores")) continue;
    file = found;
    right = result;
  }
  ASSERT_FALSE(file.empty());
  const auto done = [&](const json& result) {
    write_file(file, result.dump());
    const auto ran = compare(experiment, "--report");
    EXPECT_EQ(ran.status, 0) << ran.err;
    return json::parse(read("compare.json"))["variants"][0]["status"] == "done";
  };
  for (const char* change :
       {R"({"shown": [{}]})", R"({"shown": 3})", R"({"shown": null})", R"({"scores": [1]})",
        R"({"scores": {"true": "x"}})", R"({"seconds": "x"})", R"({"records": "<b>"})", R"({"controls": 3})",
        R"({"more": [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]})"}) {
    json wrong = right;
    wrong.update(json::parse(change));
    EXPECT_FALSE(done(wrong)) << change;
  }
  // A name that a terminal would obey, and a picture that a browser would fetch.
  json strange = right;
  strange["scores"]["a\x1b[31m"] = 1;
  strange["shown"] = json::parse(
      R"([{"id": "i", "question": "", "references": [], "answer": "", "picture": "http://elsewhere/"}])");
  EXPECT_TRUE(done(strange));
  EXPECT_THAT(compare(experiment, "--report").out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(read("compare.html"), Not(HasSubstr("elsewhere")));
  write_file(file, std::string(1'000'000, '['));
  const auto again = compare(experiment);
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(json::parse(read_file(file, 1 << 24))["scores"], right["scores"]);
}

TEST_F(Compare, AFolderThatCannotBeLockedSaysWhy) {
  const std::string experiment = kUntrained + std::string("variants: [{name: base}]\n");
  std::filesystem::create_directories(scratch_ / "out" / "lock");
  const auto no_file = compare(experiment, "--report");
  EXPECT_EQ(no_file.status, 2);
  EXPECT_THAT(no_file.err, HasSubstr("out/lock': Is a directory"));

  std::filesystem::remove(scratch_ / "out" / "lock");
  const auto taken = run_flam("compare " + write(experiment) + " --report --output " + output(),
                              "flock " + (scratch_ / "out" / "lock").string() + " ");
  EXPECT_EQ(taken.status, 2);
  EXPECT_THAT(taken.err, HasSubstr("another process works in "));
}

// Somebody else's SIGTERM to a run is that run's failure, not the user's wish to end.
TEST_F(Compare, ARunThatSomebodyEndsHasFailed) {
  const auto script = scratch_ / "end_child.sh";
  write_file(script,
             "\"$@\" & flam=$!\n"
             "for i in $(seq 600); do ls " +
                 output() +
                 "/work/*.curve >/dev/null 2>&1 && break; sleep 0.1; done\n"
                 "for stat in /proc/[0-9]*/stat; do\n"
                 "  read -r pid _ _ parent _ <$stat && [ \"$parent\" = $flam ] && kill -TERM $pid\n"
                 "done 2>/dev/null\n"
                 "wait $flam\n");
  const auto ran = run_flam("compare " + write(test::kTinyExperiment) + " --threads 1 --output " + output() +
                                " --set seeds=[1] --set 'variants=[{name: base}]' --set evaluate=[] "
                                "--set stages.1.set.train.steps=100000 --json",
                            "bash " + script.string() + " ");
  EXPECT_EQ(ran.status, 1) << ran.err;
  EXPECT_EQ(json::parse(ran.out)["variants"][0]["reason"], "seed 1: train joint: its process was ended");
}

TEST_F(Compare, EndsAtCtrlCAndGoesOn) {
  const std::string call =
      "compare " + write(test::kTinyExperiment) + " --threads 1 --output " + output() +
      " --set seeds=[1] --set stages.1.set.train.steps=300 --set stages.1.set.train.log_every=50 --json";
  const auto script = scratch_ / "interrupt.sh";
  write_file(script,
             "\"$@\" & flam=$!\n"
             "for i in $(seq 600); do ls " +
                 output() +
                 "/work/*.curve >/dev/null 2>&1 && break; sleep 0.1; done\n"
                 "kill -INT $flam; wait $flam\n");
  const auto stopped = run_flam(call, "bash " + script.string() + " ");
  EXPECT_EQ(stopped.status, 130) << stopped.err;
  EXPECT_EQ(stopped.out, "");
  EXPECT_THAT(stopped.err, HasSubstr("the same command goes on"));
  std::string curve;
  for (const auto& entry : std::filesystem::directory_iterator(scratch_ / "out" / "work"))
    if (entry.path().extension() == ".curve") curve = entry.path().string();
  const std::string stem = curve.substr(0, curve.size() - 6);
  EXPECT_TRUE(std::filesystem::exists(stem + ".safetensors.checkpoint"));
  EXPECT_FALSE(std::filesystem::exists(stem + ".json"));
  const std::string before = read_file(curve, 1 << 24);
  write_file(curve,  // lines that are no points don't count
             before + "3\n{\"step\": \"x\"}\n{\"step\": 1}\n" + std::string(1'000'000, '[') + "\n");

  const auto again = run_flam(call);
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_THAT(read_file(curve, 1 << 24), testing::StartsWith(before));
  const json points = json::parse(again.out)["variants"][0]["curves"][0]["points"];
  ASSERT_EQ(points.size(), 6);
  std::filesystem::remove_all(output());
  const auto whole = run_flam(call);
  ASSERT_EQ(whole.status, 0) << whole.err;
  const json expected = json::parse(whole.out)["variants"][0]["curves"][0]["points"];
  ASSERT_EQ(expected.size(), points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    EXPECT_EQ(points[i]["step"], 50 * (i + 1));
    EXPECT_EQ(points[i]["losses"], expected[i]["losses"]);
  }
}

// The plan of a model of this size uses libtorch's threads; the runs' processes must not wait for them.
TEST_F(Compare, RunsWithSeveralThreads) {
  const auto ran = run_flam("compare " +
                            write("base: flamingo_mini_vqa\nevaluate: [{name: questions, limit: 2}]\n"
                                  "variants: [{name: as it is}]\npictures: 0\n") +
                            " --threads 3 --output " + output());
  EXPECT_EQ(ran.status, 0) << ran.err;
}

TEST_F(Compare, ReportsTheExperimentsErrorsAtOnce) {
  const auto ran = compare("base: flamingo_mini_caption\nvariant: []\nseeds: []\npictures: -1\n");
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(
      ran.err,
      HasSubstr("tiny.yaml:2:1: the experiment has no parameter 'variant'; did you mean 'variants'?"));
  EXPECT_THAT(ran.err, HasSubstr("tiny.yaml:4:11: the experiment: 'pictures' is -1"));
  EXPECT_THAT(ran.err, HasSubstr("`seeds` is empty"));
}

TEST_F(Compare, PlansWithoutRunning) {
  const auto ran = compare(test::kTinyExperiment, "--plan");
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("num_latents: 8 → 4"));
  EXPECT_THAT(ran.out, HasSubstr("seed 2: train joint; evaluate caption; evaluate questions; bench;"));
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "out"));
}

}  // namespace
}  // namespace flam
