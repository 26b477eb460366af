// LLaVA put together from clip_vit, mlp, prefix and llama beside Hugging Face's (dump_llava.py): features of
// the block before the last, media among the tokens, rows with no, one and three pictures.
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "framework/base/text.h"
#include "framework/commands/verify/reference_case.h"
#include "framework/commands/verify/verify.h"
#include "framework/weights/checkpoint.h"
#include "tests/integration/golden_config.h"
#include "tests/support/scratch.h"
#include "tests/support/test_device.h"

namespace flam {
namespace {

const char* const kConfig = R"(
model:
  vision_backbone: {type: clip_vit, image_size: 28, patch_size: 14, hidden_size: 32, num_layers: 3, num_heads: 4,
    intermediate_size: 64, feature_layer: -2}
  resampler: {type: mlp}
  adapter: {type: prefix}
  language_decoder: {type: llama, vocab_size: 260, hidden_size: 48, num_layers: 3, num_heads: 4,
    num_key_value_heads: 2, intermediate_size: 96, max_position_embeddings: 128, rms_norm_eps: 1.0e-6}
  tokenizer: {type: placeholder, vocab_size: 260}
transforms:
  - {type: resize_edge, edge: 28}
  - {type: center_crop, size: 28}
  - {type: normalize, mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5]}
generation: {beam_length: generated, pad_token_id: 262}
weights:
  files:
    - path: model.safetensors
      layout:
        - {prefix: vision_tower.vision_model., slot: vision_backbone, naming: huggingface}
        - {prefix: multi_modal_projector., slot: resampler, naming: huggingface}
        - {prefix: language_model., slot: language_decoder, naming: huggingface}
)";

VerifyReport verify_with(const std::vector<std::string>& overrides) {
  const auto folder = test::golden_root() / "llava_tiny";
  const test::Scratch scratch;
  std::ofstream(scratch / "llava.yaml") << kConfig;
  RunOptions options = test::on_device();
  options.overrides = {"weights.root=" + folder.string()};
  options.overrides.insert(options.overrides.end(), overrides.begin(), overrides.end());
  return verify(*Session::open((scratch / "llava.yaml").string(), options), folder / "llava");
}

TEST(GoldenLlava, EveryStageAndEveryIdAgrees) {
  const VerifyReport report = verify_with({});
  std::set<std::string> compared;
  for (const StageCheck& stage : report.stages) {
    EXPECT_TRUE(stage.passed) << stage.stage << " " << stage.shape << " largest error " << stage.largest_error
                              << " (tolerance " << stage.tolerance << ") " << stage.note;
    compared.insert(stage.stage);
  }
  const auto dump = open_checkpoint(test::golden_root() / "llava_tiny" / "llava.safetensors");
  for (const std::string& tensor : dump->names())
    EXPECT_TRUE(compared.contains(stage_of(tensor))) << tensor << " was not compared";
}

TEST(GoldenLlava, OtherMediaAreNoticed) {
  EXPECT_EQ(verify_with({"model.vision_backbone.feature_layer=-1"}).first_departure(), "vision_features");
  EXPECT_EQ(verify_with({"model.adapter.keep_image_token=true"}).first_departure(), "embed");
  EXPECT_EQ(verify_with({"model.adapter.media_attention=bidirectional"}).first_departure(), "hidden_layer0");
}

}  // namespace
}  // namespace flam
