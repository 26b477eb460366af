#include "framework/commands/describe/config_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/run_flam.h"

namespace flam {
namespace {

using nlohmann::json;
using test::run_flam;
using testing::HasSubstr;

TEST(Diff, EqualConfigsPrintNothing) {
  const auto ran = run_flam("diff flamingo_mini_vqa flamingo_mini_vqa");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(json::parse(run_flam("diff flamingo_mini_vqa flamingo_mini_vqa --json").out)["equal"], true);
}

TEST(Diff, NamesParametersTensorsAndCosts) {
  const auto ran =
      run_flam("diff flamingo_mini_vqa flamingo_mini_vqa --json --set-b model.resampler.num_latents=64");
  ASSERT_EQ(ran.status, 1) << ran.err;
  const json diff = json::parse(ran.out);
  ASSERT_EQ(diff["sections"].size(), 1);
  EXPECT_EQ(diff["sections"][0]["name"], "model.resampler");
  EXPECT_EQ(diff["sections"][0]["changes"],
            json::parse(R"([{"parameter": "num_latents", "a": 32, "b": 64}])"));
  ASSERT_EQ(diff["tensors"].size(), 1);
  EXPECT_EQ(diff["tensors"][0], json::parse(R"({"name": "resampler.latents", "change": "changed",
                                                "a": [32, 128], "b": [64, 128]})"));
  EXPECT_EQ(diff["parameters"]["b"].get<int64_t>() - diff["parameters"]["a"].get<int64_t>(), 32 * 128);
  EXPECT_EQ(diff["bytes"]["b"]["bfloat16"].get<int64_t>() - diff["bytes"]["a"]["bfloat16"].get<int64_t>(),
            2 * 32 * 128);
  EXPECT_GT(diff["prompt_flops"]["b"], diff["prompt_flops"]["a"]);
}

TEST(Diff, TextMarksChangesAdditionsAndRemovals) {
  const auto ran = run_flam(
      "diff flamingo_mini_caption flamingo_mini_vqa --set model.language_decoder.num_layers=2 "
      "--set-b model.language_decoder.num_layers=3");
  ASSERT_EQ(ran.status, 1) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("task_head 'caption' → 'vqa'"));
  EXPECT_THAT(ran.out, HasSubstr("  ~ num_layers: 2 → 3\n"));
  EXPECT_THAT(ran.out, HasSubstr("  ~ max_new_tokens: 80 → 8\n"));
  EXPECT_THAT(ran.out, HasSubstr("metrics.0 'scene_truth' → 'exact_match'"));
  EXPECT_THAT(ran.out, HasSubstr("  + language_decoder.model.layers.2."));
}

TEST(Diff, SaysIfTheModelsAreEqual) {
  const auto ran = run_flam("diff flamingo_mini_vqa flamingo_mini_vqa --set-b generation.num_beams=3");
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, HasSubstr("the models have the same tensors and FLOPs"));
}

TEST(Diff, RefusesAnInvalidConfig) {
  const auto ran = run_flam("diff flamingo_mini_vqa flamingo_mini_vqa --set-b model.resampler.num_latent=64");
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("did you mean 'num_latents'?"));
}

}  // namespace
}  // namespace flam
