// Plugins that each break one contract: the check for it reports the reason, and flam itself does not crash.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "tests/cli/run_flam.h"

namespace flam {
namespace {
using test::run_flam;
using testing::AllOf;
using testing::HasSubstr;

const std::string kFixtures = FLAM_FIXTURE_PLUGINS;
const std::string kLiars = kFixtures + "/liars/libflam_liars.so";

/// The result of each check of the four components 'liar', of which the one of `kind` breaks a contract:
/// "ok", or the reason.
std::map<std::string, std::string> checks_with(const std::string& kind, const std::string& lie, int status) {
  const auto ran =
      run_flam("check-plugin " + kLiars + " --json --timeout 20 --set model." + kind + ".lie=" + lie);
  EXPECT_EQ(ran.status, status) << ran.out << ran.err;
  std::map<std::string, std::string> found;
  std::istringstream lines(ran.out);
  for (std::string line; std::getline(lines, line);) {
    const auto check = nlohmann::json::parse(line);
    if (check["component"] == kind + " 'liar'")
      found[check["check"]] = check["outcome"] == "ok" ? "ok" : check["detail"].get<std::string>();
    else
      EXPECT_EQ(check["outcome"], "ok") << line;
  }
  return found;
}

TEST(CheckPlugin, CorrectComponentsPass) {
  const auto ran = run_flam("check-plugin " + kLiars);
  EXPECT_EQ(ran.status, 0) << ran.out << ran.err;
  EXPECT_THAT(
      ran.out,
      AllOf(HasSubstr("ok       exports: only flam_plugin\n"), HasSubstr("ok       loads: SDK version "),
            HasSubstr("ok       vision_backbone 'liar' batch: each row of 3 gives the same result alone\n"),
            HasSubstr("ok       language_decoder 'liar' cache: "), HasSubstr(" 0 failed, 0 skipped\n")));
}

TEST(CheckPlugin, FailuresHaveAReason) {
  auto found = checks_with("resampler", "wrong_shape", 1);
  EXPECT_EQ(found["meta"], "ok");  // the default parameters break no contract
  EXPECT_THAT(found["forward"], HasSubstr("gives a tensor [3, 2, 1, 32]; announced [3, 2, 1, 16]"));
  EXPECT_THAT(checks_with("vision_backbone", "undefined", 1)["forward"],
              HasSubstr("gives an undefined tensor"));
  EXPECT_THAT(checks_with("adapter", "throws", 1)["forward"], HasSubstr("no answer today"));
  EXPECT_THAT(checks_with("resampler", "throws_int", 1)["forward"], HasSubstr("not a std::exception"));
  EXPECT_THAT(checks_with("resampler", "wrong_dtype", 1)["forward"],
              HasSubstr("gives Double, but its input and weights are float32"));
  EXPECT_THAT(checks_with("resampler", "wrong_device", 1)["forward"],
              HasSubstr("gives a tensor on meta for input on cpu"));
  EXPECT_THAT(checks_with("resampler", "not_finite", 1)["forward"], HasSubstr("infinite or NaN"));
}

TEST(CheckPlugin, DetectsResultsThatDependOnMoreThanTheInput) {
  auto found = checks_with("resampler", "nondeterministic", 1);
  EXPECT_EQ(found["forward"], "ok");
  EXPECT_THAT(found["determinism"], HasSubstr("another result for the same input in a second run"));
  found = checks_with("vision_backbone", "batch_dependent", 1);
  EXPECT_EQ(found["determinism"], "ok");
  EXPECT_THAT(found["batch"], HasSubstr("row 0 of a batch of 3 differs from the same row alone by"));
  found = checks_with("adapter", "gradient_cut", 1);
  EXPECT_EQ(found["batch"], "ok");
  EXPECT_THAT(found["gradient"], HasSubstr("no gradient flows back"));
  found = checks_with("resampler", "thread_unsafe", 1);
  EXPECT_EQ(found["gradient"], "ok");
  EXPECT_THAT(found["threads"], HasSubstr("when other threads use it at the same time"));
}

TEST(CheckPlugin, DetectsDecodersThatIgnoreTheirInput) {
  auto found = checks_with("language_decoder", "ignores_positions", 1);
  EXPECT_EQ(found["cache"], "ok");
  EXPECT_THAT(found["padding"],
              AllOf(HasSubstr("a prompt gives another result beside a longer prompt than alone"),
                    HasSubstr("DecodeStep::positions")));
  found = checks_with("language_decoder", "ignores_padding", 1);
  EXPECT_EQ(found["cache"], "ok");
  EXPECT_EQ(found["mask"], "ok");
  EXPECT_THAT(found["padding"], HasSubstr("padding must not be attended to (DecodeStep::mask)"));
  found = checks_with("language_decoder", "ignores_mask", 1);
  EXPECT_EQ(found["padding"], "ok");
  EXPECT_THAT(found["mask"], HasSubstr("so it ignores DecodeStep::mask"));
}

TEST(CheckPlugin, DetectsDecodersThatDoNotStoreTheirKeys) {
  auto found = checks_with("language_decoder", "never_appends", 1);
  EXPECT_EQ(found["mask"], "ok");
  EXPECT_THAT(found["cache"],
              HasSubstr("layer 0 does not store its keys and values: run() must call KVCache::append()"));
}

TEST(CheckPlugin, DetectsStateThatIsKeptBetweenCalls) {
  auto found = checks_with("resampler", "keeps_state", 1);
  EXPECT_EQ(found["determinism"], "ok");
  EXPECT_THAT(found["state"], HasSubstr("keeps state between calls, which must depend on their input alone: "
                                        "after another input, the same input gives another result"));
  found = checks_with("adapter", "keeps_state", 1);
  EXPECT_THAT(found["state"], HasSubstr("keeps state between calls"));
}

TEST(CheckPlugin, ChecksOptimizersAndTheirNames) {
  const auto ran = run_flam("check-plugin " + kFixtures + "/bad_optimizers/libflam_bad_optimizers.so");
  EXPECT_EQ(ran.status, 1) << ran.err;
  EXPECT_THAT(
      ran.out,
      AllOf(HasSubstr("failed   optimizer 'adamw' name: the optimizer 'adamw' exists already, in"),
            HasSubstr("ok       optimizer 'adamw' descent: "),
            HasSubstr("ok       optimizer 'adamw' state: "), HasSubstr("ok       optimizer 'ascends' name: "),
            HasSubstr("failed   optimizer 'ascends' descent: does not lower a quadratic loss of "
                      "the matrix"),
            HasSubstr("failed   optimizer 'counts' state: keeps more than the state that "
                      "state_of() announces")));
}

TEST(CheckPlugin, ChecksObjectives) {
  const auto ran = run_flam("check-plugin " + kFixtures + "/bad_objectives/libflam_bad_objectives.so");
  EXPECT_EQ(ran.status, 1) << ran.err;
  for (const char* line : {
           "ok       objective 'square' parameters: ",
           "ok       objective 'square' losses: gives square\n",
           "ok       objective 'square' gradient: reaches media tokens\n",
           "ok       objective 'square' determinism: ",
           "ok       objective 'square' threads: ",
           "failed   objective 'has_weight' parameters: declares the parameter `weight`",
           "failed   objective 'counts' determinism: gives another loss for the same batch in a second call",
           "failed   objective 'two_names' losses: gives 1 losses, but names() has 2",
           "failed   objective 'per_picture' losses: gives Float [4] for the loss 'square'",
           "failed   objective 'detached' gradient: gives losses without gradients",
           "failed   objective 'asks_for_text' losses: asks for hidden states of text alone",
       })
    EXPECT_THAT(ran.out, HasSubstr(line));
}

TEST(CheckPlugin, DetectsTransformsThatCannotBeRepeated) {
  const auto ran = run_flam("check-plugin " + kFixtures + "/bad_transforms/libflam_bad_transforms.so");
  EXPECT_EQ(ran.status, 1) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("failed   transform 'alternates' augment: draws from more than the "
                                       "generator that augment() gets: "),
                             HasSubstr("failed   transform 'overwrites' augment: changes its input"),
                             HasSubstr(" 2 failed, 0 skipped")));
}

TEST(CheckPlugin, DetectsTokensInTheUsersText) {
  const auto ran = run_flam("check-plugin " + kFixtures + "/careless/libflam_careless.so");
  EXPECT_EQ(ran.status, 1) << ran.err;
  EXPECT_THAT(ran.out,
              AllOf(HasSubstr("failed   tokenizer 'careless' literal: reads '<|endofchunk|>' in literal "
                              "text as a token: it gives the id 32000"),
                    HasSubstr("failed   task_head 'careless' literal: a question that contains '<image>' "
                              "puts that token into the prompt"),
                    HasSubstr(" 2 failed, 0 skipped")));
}

TEST(CheckPlugin, DetectsLeaks) {
  const auto found = checks_with("resampler", "leaks", 1);
  EXPECT_EQ(found.at("threads"), "ok");
  EXPECT_THAT(found.at("memory"), HasSubstr("leaks: each run with the same input leaves "));
}

TEST(CheckPlugin, SurvivesAComponentThatEndsItsProcess) {
  EXPECT_THAT(checks_with("resampler", "crashes", 1)["forward"],
              HasSubstr("ends the process while running: Segmentation fault"));
  EXPECT_THAT(checks_with("resampler", "exits", 1)["forward"],
              HasSubstr("ends the process while running: exit status 0"));
  const auto ran = run_flam("check-plugin " + kLiars + " --timeout 1 --set model.vision_backbone.lie=hangs");
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out,
              HasSubstr("failed   vision_backbone 'liar' forward: was asleep for 1 s while running"));
}

TEST(CheckPlugin, ChecksTheLibrary) {
  const auto extra = run_flam("check-plugin " + kFixtures + "/good/libflam_good.so");
  EXPECT_EQ(extra.status, 1);
  EXPECT_THAT(extra.out,
              AllOf(HasSubstr("failed   exports: exports "), HasSubstr(" more than flam_plugin: ")));
  const auto stamp = run_flam("check-plugin " + kFixtures + "/other_torch/libflam_other_torch.so");
  EXPECT_EQ(stamp.status, 1);
  EXPECT_THAT(stamp.out, AllOf(HasSubstr("failed   loads: "), HasSubstr("libtorch: plugin has '999")));
  const auto none = run_flam("check-plugin " + kFixtures + "/no_entry/libflam_no_entry.so");
  EXPECT_EQ(none.status, 2);
  EXPECT_THAT(none.err, HasSubstr("is not a plugin: it does not export 'flam_plugin'"));
  EXPECT_EQ(run_flam("check-plugin " FLAM_SOURCE_DIR "/README.md").status, 2);
  EXPECT_EQ(run_flam("check-plugin nowhere.so").status, 2);
}

TEST(CheckPlugin, WarnsIfTheConfigLacksTheComponent) {
  const auto ran = run_flam("check-plugin " + kLiars + " --set model.resampler.lie=none");
  EXPECT_EQ(ran.status, 0) << ran.out;
  EXPECT_THAT(ran.err, HasSubstr("the config has no adapter 'liar'; it runs with its default parameters"));
  EXPECT_THAT(ran.err, testing::Not(HasSubstr("resampler")));
}

TEST(CheckPlugin, AComponentMayBeItsNameAlone) {
  const std::string plugins = FLAM_BUILD_DIR "/lib/flamboyance/plugins/libflam_";
  for (const std::string use : {"objective_text.so --set train.objectives=[answers,text]",
                                "optimizer_adamw.so --set train.optimizer=adamw"}) {
    const auto ran = run_flam("check-plugin " + plugins + use);
    EXPECT_EQ(ran.status, 0) << ran.out << ran.err;
    EXPECT_THAT(ran.err, testing::Not(HasSubstr("the config has no"))) << use;
  }
  // Elsewhere, every command refuses a name alone, so there is no component to be missed.
  const auto part = run_flam("check-plugin " + kLiars + " --set model.resampler=liar");
  EXPECT_EQ(part.status, 2);
  EXPECT_THAT(part.err, AllOf(HasSubstr("resampler is the text 'liar'; expected a map {type: NAME, …}"),
                              testing::Not(HasSubstr("the config has no"))));
  const auto metric =
      run_flam("check-plugin " + plugins + "metric_exact_match.so --set metrics=[exact_match]");
  EXPECT_EQ(metric.status, 2);
  EXPECT_THAT(metric.err, HasSubstr("metric is the text 'exact_match'; expected a map {type: NAME, …}"));
}

TEST(CheckPlugin, ReportsTheSameReasonOnce) {
  const auto ran = run_flam("check-plugin " + kLiars + " --set model.resampler.lie=refuses");
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, HasSubstr("failed   resampler 'liar' batch: for the same reason\n"));
}

TEST(CheckPlugin, AnInvalidParameterIsAnErrorOfTheConfig) {
  const auto value = run_flam("check-plugin " + kLiars + " --set model.resampler.lie=sometimes");
  EXPECT_EQ(value.status, 2);
  EXPECT_THAT(value.err, HasSubstr("'lie' is 'sometimes', but must be one of "));
  EXPECT_THAT(value.out, testing::Not(HasSubstr("failed")));
  const auto name = run_flam("check-plugin " + kLiars + " --set model.resampler.lies=none");
  EXPECT_EQ(name.status, 2);
  EXPECT_THAT(name.err, HasSubstr("has no parameter 'lies'; did you mean 'lie'?"));
}

TEST(CheckPlugin, SkipsComponentsThatAreTooLarge) {
  const auto ran = run_flam("check-plugin " FLAM_BUILD_DIR
                            "/lib/flamboyance/plugins/libflam_language_decoder_llama.so --max-memory 100");
  EXPECT_EQ(ran.status, 0) << ran.out << ran.err;
  EXPECT_THAT(ran.out,
              AllOf(HasSubstr("ok       language_decoder 'llama' meta: default parameters: "),
                    HasSubstr("skipped  language_decoder 'llama' forward: not run: its weights take ")));
}

}  // namespace
}  // namespace flam
