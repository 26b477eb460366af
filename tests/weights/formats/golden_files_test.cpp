// The checkpoints of the reference models, in every format they come in.
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include "framework/base/file.h"
#include "framework/weights/checkpoint.h"
#include "tests/weights/fixtures.h"

namespace flam {
namespace {

using test::golden;
using testing::HasSubstr;

TEST(GoldenFiles, BothFormatsOfTheDecoderHoldEqualTensors) {
  const auto sharded = open_checkpoint(golden("llama/model.safetensors.index.json"));
  const auto zip = open_checkpoint(golden("llama/pytorch_model.bin"));
  EXPECT_EQ(sharded->names(), zip->names());
  ASSERT_GT(zip->names().size(), 10u);
  for (const std::string& name : zip->names()) {
    EXPECT_TRUE(at::equal(sharded->tensor(name), zip->tensor(name))) << name;
  }
}

TEST(GoldenFiles, AFolderOpensItsIndex) {
  const auto folder = open_checkpoint(golden("llama"));
  EXPECT_EQ(folder->file_of("lm_head.weight")->path().filename(), "model-00002-of-00002.safetensors");
  EXPECT_NE(open_checkpoint(golden("clip_vit_hf"))->names().size(), 0u);
}

TEST(GoldenFiles, WrappersArePeeled) {
  EXPECT_EQ(open_checkpoint(golden("lm_head.pth"))->names(),
            std::vector<std::string>{"lang_encoder.lm_head.weight"});
  EXPECT_EQ(open_checkpoint(golden("adapter.pth"))->tensor("perceiver.latents").dim(), 2);
  EXPECT_EQ(open_checkpoint(golden("clip_vit_openai.pt"))->tensor("visual.conv1.weight").dim(), 4);
}

TEST(GoldenFiles, OneVisionTowerInThreeNamings) {
  const auto openai = open_checkpoint(golden("clip_vit_openai.pt"));
  const auto mmpretrain = open_checkpoint(golden("clip_vit_mmpretrain.pth"));
  const auto huggingface = open_checkpoint(golden("clip_vit_hf"));
  const at::Tensor patches = openai->tensor("visual.conv1.weight");
  EXPECT_TRUE(at::equal(patches, mmpretrain->tensor("backbone.patch_embed.projection.weight")));
  EXPECT_TRUE(at::equal(patches, huggingface->tensor("vision_model.embeddings.patch_embedding.weight")));
}

TEST(GoldenFiles, TensorsOutliveTheCheckpoint) {
  at::Tensor tensor = open_checkpoint(golden("lm_head.pth"))->tensor("lang_encoder.lm_head.weight");
  EXPECT_GT(tensor.abs().sum().item<double>(), 0);
}

TEST(GoldenFiles, AnUnknownNameSuggestsANearOne) {
  const auto file = open_checkpoint(golden("lm_head.pth"));
  EXPECT_THAT(test::error_of([&] { file->tensor("lang_encoder.lm_haed.weight"); }),
              HasSubstr("did you mean 'lang_encoder.lm_head.weight'"));
}

}  // namespace
}  // namespace flam
