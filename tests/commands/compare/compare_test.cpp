// `flam compare` as a user runs it: it writes the table, CSV, JSON and page, does not repeat finished work,
// and reports variants that fail.
#include "tests/commands/compare/compare_fixture.h"

namespace flam {
namespace {

TEST_F(Compare, ReportsEveryVariantAndRepeatsNoFinishedWork) {
  const auto ran = compare(test::kTinyExperiment);
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("four <latents>"));
  EXPECT_THAT(ran.out, HasSubstr("the values of two seeds"));
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
  // 8·16 against 4·16 latents. Other seeds give other losses for the same scenes in the same order.
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
  EXPECT_THAT(page, HasSubstr("caption true (blind)"));
  EXPECT_THAT(page, HasSubstr("<input type=\"checkbox\" id=\"show-v1\" checked>"));
  EXPECT_THAT(page, HasSubstr("body:has(#show-v1:not(:checked)) .v1"));
  EXPECT_FALSE(report["date"].get<std::string>().empty());
  EXPECT_EQ(report["machines"].size(), 1);
  EXPECT_THAT(page, Not(HasSubstr("against latency")));  // neither variant has learnt anything
  EXPECT_THAT(page, HasSubstr("src=\"data:image/png;base64,"));
  for (const char* outside : {"<script", "http://", "https://", "<link", "@import", "http-equiv"})
    EXPECT_THAT(page, Not(HasSubstr(outside)));

  const auto before = results();
  EXPECT_EQ(before.size(), 2 * 2 * 4);
  const auto again = compare(test::kTinyExperiment);
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(again.out, ran.out);
  EXPECT_EQ(results(), before);

  // Only lost results are computed again.
  std::filesystem::remove(scratch_ / "out" / "work" / before.begin()->first);
  EXPECT_EQ(compare(test::kTinyExperiment).status, 0);
  auto after = results();
  ASSERT_EQ(after.size(), before.size());
  EXPECT_NE(after.begin()->second, before.begin()->second);
  after.begin()->second = before.begin()->second;
  EXPECT_EQ(after, before);

  // A trained variant is stored as a config that can be used by itself.
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

TEST_F(Compare, AFailedVariantIsARowAndTheOthersAreFinished) {
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
  EXPECT_THAT(read("compare.html"), HasSubstr(": failed: "));
  EXPECT_EQ(compare(cheap + "  - {name: good}\n", "--plan").status, 0);
  const auto plan = compare(cheap + "  - {name: typo, set: {model.resampler.num_latent: 3}}\n", "--plan");
  EXPECT_EQ(plan.status, 1);
  EXPECT_THAT(plan.out, HasSubstr("typo\n  can't be run: "));
}

TEST_F(Compare, AFailureIsReportedUntilItsUnitSucceeds) {
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

TEST_F(Compare, ThePageSaysWhichVariantsTrainedAndWhichSkippedTensors) {
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
                    HasSubstr("1 tensor in the files from which training starts could not be used")));
}

// The frozen parts of what is trained and scored come from the files that the stages start from, whether the
// stages write them or not.
TEST_F(Compare, FrozenPartsComeFromTheFilesThatTheStagesStartFrom) {
  const auto scores = [&](const char* save_frozen, const std::string& first, const std::string& weights) {
    const auto stage = [&](const std::string& name, const std::string& init_from) {
      return "{name: " + name +
             ", set: {dataset: {split: train, size: 100}, train: {trained: {\"adapter.*\": 1.0e-6}, "
             "task_heads: [{type: caption}], steps: 1, batch_size: 2, " +
             init_from + "save_frozen: " + save_frozen + "}}}";
    };
    const auto ran = compare(
        "base: flamingo_mini_caption\nseeds: [1]\npictures: 0\nbench: {records: 0}\nvariants: [{name: "
        "base}]\nevaluate: [{name: caption, limit: 1, blind: false}]\n" +
        weights + "stages: [" + stage("some", first) + ", " + stage("more", "") + "]\n");
    EXPECT_EQ(ran.status, 0) << ran.err;
    return json::parse(read("compare.json"))["variants"][0]["values"]["score caption.true"];
  };
  const json whole = scores("true", "", "");
  EXPECT_FALSE(whole.empty());
  EXPECT_EQ(whole["mean"], 1);  // a model with random parts answers nothing true
  EXPECT_EQ(scores("false", "", ""), whole);
  const std::string given =
      "init_from: [" FLAM_SOURCE_DIR "/configs/flamingo_mini/flamingo_mini.safetensors], ";
  EXPECT_EQ(scores("false", given, "weights: random\n"), whole);
}

// What a stage did not take from its files could not be told apart afterwards.
TEST_F(Compare, FrozenPartsOfFilesThatAreTakenInPartMustBeSaved) {
  const auto ran = compare(
      "base: flamingo_mini_caption\nseeds: [1]\nbench: {records: 0}\nvariants: [{name: base}]\nstages: "
      "[{name: "
      "some, set: {dataset: {split: train, size: 100}, train: {trained: {\"adapter.*\": 1.0e-6}, steps: 1, "
      "save_frozen: false, init_where_it_fits: true}}}]\n",
      "--plan");
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, HasSubstr("takes only some tensors of its files"));
}

TEST_F(Compare, AReportIsKeptIfNoStoredResultMatches) {
  const std::string experiment = kUntrained + std::string("evaluate: []\nvariants: [{name: base}]\n");
  EXPECT_EQ(compare(experiment).status, 0);
  const std::string before = read("compare.html");
  const auto changed = compare(experiment, "--report --set seeds=[2]");
  EXPECT_EQ(changed.status, 2);
  EXPECT_THAT(changed.err, HasSubstr("nothing to report: "));
  EXPECT_EQ(read("compare.html"), before);
  EXPECT_EQ(compare(experiment, "--report").status, 0);
}

// With `weights: random`, no file is read for a variant that no stage trains.
TEST_F(Compare, OnlyVariantsThatNoStageTrainsHaveRandomWeights) {
  const auto ran =
      compare(test::kTinyExperiment,
              "--set seeds=[1] --set 'stages=[{name: all, only_if_changed: [vision_backbone], set: {dataset: "
              "{split: train, size: 100}, train: {trained: {\"*\": 1.0e-3}, task_heads: [{type: caption}], "
              "steps: 1, batch_size: 2}}}]' --set 'variants=[{name: as it is}, {name: fine, set: "
              "{model.vision_backbone.num_heads: 4}}]'");
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("[1/2] as it is, seed 1: evaluate caption, "));
  EXPECT_THAT(ran.err, HasSubstr("[2/2] fine, seed 1: train all …\n"));
}

TEST_F(Compare, KeysDependOnTheTokenizerFileAndForTimingsOnThreads) {
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
  EXPECT_EQ(work(".json").size(), 3);  // a second timing, and the same evaluation
  const auto report = run_flam("compare " + write(experiment) + " --report --json --output " + output());
  ASSERT_EQ(report.status, 0)
      << report.err;  // with the threads of the last run, whatever this machine's default is
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

TEST_F(Compare, AFolderThatCannotBeLockedIsAnErrorWithTheReason) {
  const std::string experiment = kUntrained + std::string("variants: [{name: base}]\n");
  std::filesystem::create_directories(scratch_ / "out" / "lock");
  const auto no_file = compare(experiment, "--report");
  EXPECT_EQ(no_file.status, 2);
  EXPECT_THAT(no_file.err, HasSubstr("out/lock': Is a directory"));

  std::filesystem::remove(scratch_ / "out" / "lock");
  const auto taken = run_flam("compare " + write(experiment) + " --report --output " + output(),
                              "flock " + (scratch_ / "out" / "lock").string() + " ");
  EXPECT_EQ(taken.status, 2);
  EXPECT_THAT(taken.err, HasSubstr("another process is working in "));
}

// Planning for a model of this size uses libtorch's threads, which a forked process must not wait for.
TEST_F(Compare, RunsWithSeveralThreads) {
  const auto ran = run_flam("compare " +
                            write("base: flamingo_mini_vqa\nevaluate: [{name: questions, limit: 2}]\n"
                                  "variants: [{name: as it is}]\npictures: 0\n") +
                            " --threads 3 --output " + output());
  EXPECT_EQ(ran.status, 0) << ran.err;
}

TEST_F(Compare, ReportsAllErrorsOfAnExperimentAtOnce) {
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
