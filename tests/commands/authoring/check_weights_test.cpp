// check-plugin --weights: the component runs with the weights of a checkpoint.
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <limits>

#include "framework/base/text.h"
#include "framework/weights/checkpoint.h"
#include "tests/cli/run_flam.h"

namespace flam {
namespace {
using test::run_flam;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::string kShipped = FLAM_BUILD_DIR "/lib/flamboyance/plugins/libflam_";
const std::string kMixer = FLAM_FIXTURE_PLUGINS "/token_mixer/libflam_token_mixer.so";
const std::string kMini = FLAM_SOURCE_DIR "/configs/flamingo_mini/flamingo_mini.safetensors ";
const std::string kGolden = FLAM_SOURCE_DIR "/tests/golden/";

/// Checks a shipped plugin of flamingo_mini with the model's own file.
test::Ran check_mini(const std::string& library, const std::string& more) {
  return run_flam("check-plugin " + kShipped + library + ".so --weights " + kMini + more);
}
/// Checks the decoder llama without a config.
test::Ran check_llama(const std::string& weights, const std::string& parameters) {
  return run_flam("check-plugin " + kShipped + "language_decoder_llama.so --weights " + weights +
                  " --set 'model.language_decoder={type: llama, " + parameters + "}'");
}
constexpr const char* kOthers = " --ignore 'vision_backbone.*' --ignore 'adapter.*' --ignore 'resampler.*'";

/// Checkpoints of the resampler token_mixer, which lies in no folder of the search path. Its backbone gives
/// 8×8 patches and a class token.
class TokenMixer : public testing::Test {
 protected:
  static at::Tensor mix() { return at::randn({65}); }
  static at::Tensor projection() { return at::randn({128, 128}) * 0.1; }
  std::string file(const std::vector<std::pair<std::string, at::Tensor>>& tensors) {
    write_safetensors(folder_ / "mixer.safetensors", tensors);
    return (folder_ / "mixer.safetensors").string();
  }
  std::string bytes(const std::string& name, const std::string& content) {
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return (folder_ / name).string();
  }
  static test::Ran check(const std::string& weights, const std::string& more = "",
                         const std::string& library = kMixer) {
    return run_flam("check-plugin " + library + " --weights " + weights +
                    " --config flamingo_mini_caption --set model.vision_backbone.class_token=true "
                    "--set model.vision_backbone.output_class_token=true "
                    "--set 'model.resampler={_delete_: true, type: token_mixer}' " +
                    more);
  }
  test::Scratch folder_;
};

TEST(CheckWeights, RunsWithTheWeightsOfACheckpoint) {
  const auto decoder =
      check_mini("language_decoder_llama", std::string("--config flamingo_mini_caption") + kOthers);
  EXPECT_EQ(decoder.status, 0) << decoder.out << decoder.err;
  EXPECT_THAT(decoder.out,
              AllOf(HasSubstr("ok       language_decoder 'llama' weights: "),
                    HasSubstr("the output has the mean "), HasSubstr("llama' cache: steps from")));
  // A resampler's sizes are those of the config's model.
  const auto resampler = check_mini("resampler_perceiver",
                                    "--config flamingo_mini_caption --ignore 'vision_backbone.*' --ignore "
                                    "'adapter.*' --ignore 'language_decoder.*'");
  EXPECT_EQ(resampler.status, 0) << resampler.out << resampler.err;
  EXPECT_THAT(resampler.out, HasSubstr("ok       resampler 'perceiver' weights: "));
}

TEST(CheckWeights, ReadsOtherFormats) {
  const auto torch = check_llama(kGolden + "v1_tiny/llama/pytorch_model.bin --naming huggingface",
                                 "vocab_size: 600, hidden_size: 56, num_layers: 4, num_heads: 4, "
                                 "intermediate_size: 120");
  EXPECT_EQ(torch.status, 0) << torch.out << torch.err;
  const auto gguf = check_llama(kGolden + "gguf/llama.gguf --naming gguf",
                                "vocab_size: 40, hidden_size: 64, num_layers: 2, num_heads: 4, "
                                "num_key_value_heads: 2, intermediate_size: 96, tie_word_embeddings: true");
  EXPECT_EQ(gguf.status, 0) << gguf.out << gguf.err;
  for (const auto& ran : {torch, gguf})
    EXPECT_THAT(ran.out, HasSubstr("ok       language_decoder 'llama' weights: "));
}

TEST_F(TokenMixer, IsFoundOutsideTheSearchPathAndGetsThePrefixTokens) {
  const auto ran = check(file({{"resampler.mix", mix()}, {"resampler.proj.weight", projection()}}));
  EXPECT_EQ(ran.status, 0) << ran.out << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("ok       resampler 'token_mixer' weights: 2 tensors, 16449 parameters"));
}

TEST_F(TokenMixer, MayHaveAnyFileName) {
  const auto library = folder_ / "mixer.so";
  std::filesystem::copy(kMixer, library);
  const std::string weights = file({{"resampler.mix", mix()}, {"resampler.proj.weight", projection()}});
  const auto ran = check(weights, "", library.string());
  EXPECT_EQ(ran.status, 0) << ran.out << ran.err;
}

TEST_F(TokenMixer, TakesNamesOfATableBehindAPrefix) {
  const std::string weights = file({{"net.mixing", mix()}, {"net.projection.weight", projection()}});
  EXPECT_EQ(check(weights, "--prefix net. --naming published").status, 0);
  const auto own = check(file({{"net.mix", mix()}, {"net.proj.weight", projection()}}), "--prefix net.");
  EXPECT_EQ(own.status, 0) << own.out << own.err;
}

TEST_F(TokenMixer, AMisspeltTableIsAMistakeOfTheUser) {
  const std::string weights = file({{"mixing", mix()}, {"projection.weight", projection()}});
  const auto misspelt = check(weights, "--naming publised");
  EXPECT_EQ(misspelt.status, 2) << misspelt.out;
  EXPECT_THAT(misspelt.err,
              HasSubstr("error: --naming: resampler 'token_mixer' has no naming table 'publised'; did you "
                        "mean 'published'? (known: published, exported)\n"));
  EXPECT_THAT(misspelt.out, Not(HasSubstr("failed")));
  // The table exists, but the file is not one that it is for.
  EXPECT_EQ(check(weights, "--naming exported").status, 1);
}

TEST_F(TokenMixer, SaysWhichTablesThereAre) {
  const auto ran = check(file({{"mixing", mix()}, {"projection.weight", projection()}}));
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, HasSubstr(". The component's naming tables are published, exported (--naming)\n"));
}

TEST_F(TokenMixer, NumbersThatAreNotFiniteFail) {
  at::Tensor broken = mix();
  broken[7] = std::numeric_limits<float>::quiet_NaN();
  const auto ran = check(file({{"resampler.mix", broken}, {"resampler.proj.weight", projection()}}));
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out,
              HasSubstr("failed   resampler 'token_mixer' weights: 1 tensor of the checkpoint has numbers "
                        "that are infinite or NaN: resampler.mix\n"));
}

TEST_F(TokenMixer, AnOutputThatIgnoresTheInputFails) {
  const auto ran = check(file({{"resampler.mix", at::zeros({65})}, {"resampler.proj.weight", projection()}}));
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out,
              HasSubstr("failed   resampler 'token_mixer' weights: the output is the same for all random "
                        "inputs, so with these weights the component ignores its input"));
}

TEST_F(TokenMixer, AFileThatIsNoCheckpointIsAMistakeOfTheUser) {
  std::ostringstream whole;
  whole << std::ifstream(file({{"resampler.mix", mix()}, {"resampler.proj.weight", projection()}})).rdbuf();
  std::ostringstream torch;
  torch << std::ifstream(kGolden + "v1_tiny/llama/pytorch_model.bin").rdbuf();
  for (const auto& [name, content] :
       {std::pair("empty.bin", std::string()), std::pair("cut.safetensors", whole.str().substr(0, 30'000)),
        std::pair("foreign.bin", std::string(5'000, 'x')),
        std::pair("cut.bin", torch.str().substr(0, 30'000))}) {
    const auto ran = check(bytes(name, content));
    EXPECT_EQ(ran.status, 2) << ran.out;
    EXPECT_THAT(ran.err, AllOf(testing::StartsWith("error: --weights: "), HasSubstr(name)));
    EXPECT_THAT(ran.out, Not(HasSubstr("failed")));
  }
}

TEST(CheckWeights, SaysWhatOfACheckpointDoesNotFit) {
  const auto others = check_mini("language_decoder_llama", "--config flamingo_mini_caption");
  EXPECT_EQ(others.status, 1);
  EXPECT_THAT(
      others.out,
      AllOf(HasSubstr("failed   language_decoder 'llama' weights: "), HasSubstr("121 unexpected tensors"),
            HasSubstr(": adapter.layers.0.attn.norm.bias; adapter.layers.0.attn.norm.weight; "
                      "adapter.layers.0.attn.to_kv.weight; adapter.layers.0.attn.to_out.weight; … "
                      "and 117 more. The component's naming tables are huggingface, gguf (--naming)\n"),
            HasSubstr("cache: not run: the check of the weights failed")));
  const auto size = check_mini(
      "language_decoder_llama",
      std::string("--config flamingo_mini_caption --set model.language_decoder.intermediate_size=64") +
          kOthers);
  EXPECT_EQ(size.status, 1);
  EXPECT_THAT(size.out, HasSubstr("[64, 128]"));
}

TEST(CheckWeights, LongListsOfTensorsAreCutBetweenTwoOfThem) {
  // Every key is unexpected and every tensor missing: more than 4,000 characters if all were listed.
  const auto ran = check_mini("language_decoder_llama", "--config flamingo_mini_caption --prefix none.");
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, AllOf(HasSubstr(" unexpected tensors (no rule"),
                             HasSubstr(" tensors are in no file: "), HasSubstr("; … and 35 more. The "),
                             Not(HasSubstr("--weights random")), HasSubstr("(--naming)\n")));
}

TEST(CheckWeights, ACheckpointNeedsAFileAndOneComponent) {
  const std::string liars = FLAM_FIXTURE_PLUGINS "/liars/libflam_liars.so";
  const auto missing = run_flam("check-plugin " + liars + " --weights /nowhere");
  EXPECT_EQ(missing.status, 2);
  EXPECT_THAT(missing.err,
              HasSubstr("--weights needs a library with one component that has weights; this one has"));
  const auto none = run_flam("check-plugin " + kShipped + "resampler_mlp.so --weights /nowhere");
  EXPECT_EQ(none.status, 2);
  EXPECT_THAT(none.err, HasSubstr("no weights file '/nowhere'; --weights names a checkpoint"));
  EXPECT_EQ(run_flam("check-plugin " + liars + " --naming timm").status, 2);
}

TEST(CheckWeights, AResamplerNeedsAWholeModel) {
  const auto none = check_mini("resampler_perceiver", "");
  EXPECT_EQ(none.status, 2);
  EXPECT_THAT(none.err, HasSubstr("give a run config that has the whole model"));
  const auto wrong =
      check_mini("resampler_perceiver", "--config flamingo_mini_caption --set model.adapter.type=gated");
  EXPECT_EQ(wrong.status, 2);
  EXPECT_THAT(wrong.err, HasSubstr("there is no adapter 'gated'"));
}

}  // namespace
}  // namespace flam
