// flamingo_smollm2: what can be checked without its decoder, which is not part of the repository, and with it
// where `tools/setup --with-lm` has got it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "framework/config/config.h"
#include "framework/model/model.h"
#include "framework/recipe/run_config.h"
#include "framework/session/session.h"
#include "framework/weights/checkpoint.h"
#include "tests/cli/run_flam.h"

namespace flam {
namespace {

using test::run_flam;
using testing::AllOf;
using testing::HasSubstr;

const std::string kConfigs = FLAM_SOURCE_DIR "/configs/flamingo_smollm2";
const std::string kPhotos = FLAM_SOURCE_DIR "/docs/images/photos";
const std::string kWithoutDecoder =
    " --set weights.files.1.path=none.gguf --set model.tokenizer.model=none.gguf";

/// Whether the file of `flamingo_smollm2` is to hold this tensor.
bool is_trained(const std::string& name) {
  return name.starts_with("adapter.") || name.starts_with("resampler.class_embedding.") ||
         name == "resampler.position_embedding";
}

TEST(FlamingoSmolLm2, ItsFileHoldsTheTrainedTensorsAndNoOthers) {
  const auto registry = open_registry({});
  for (const char* name : {"flamingo_smollm2_caption", "flamingo_smollm2_vqa"}) {
    const RunConfig config = RunConfig::load(name, {}, *registry);
    const auto model = Model::assemble(config.model, *registry);
    const auto file = open_checkpoint(kConfigs + "/flamingo_smollm2.safetensors");
    int64_t held = 0, numbers = 0;
    for (const auto& slot : model->weights().slots()) {
      if (!is_trained(slot->name)) continue;
      ASSERT_TRUE(std::ranges::binary_search(file->names(), slot->name)) << slot->name;
      const at::Tensor tensor = file->tensor(slot->name);
      EXPECT_EQ(tensor.sizes(), at::IntArrayRef(slot->tensor_shape())) << slot->name;
      EXPECT_EQ(tensor.scalar_type(), at::kHalf) << slot->name;
      EXPECT_TRUE(tensor.to(at::kFloat).isfinite().all().item<bool>()) << slot->name;
      ++held;
      numbers += tensor.numel();
    }
    EXPECT_EQ(held, std::ssize(file->names()));
    EXPECT_LE(numbers, 13'000'000);
  }
  EXPECT_LE(std::filesystem::file_size(kConfigs + "/flamingo_smollm2.safetensors"), 26'000'000u);
}

TEST(FlamingoSmolLm2, IsDescribedWithoutItsDecoder) {
  const auto ran = run_flam("describe flamingo_smollm2_vqa" + kWithoutDecoder);
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("gated_cross_attention"), HasSubstr("llama")));
}

TEST(FlamingoSmolLm2, SaysHowToGetItsDecoder) {
  const auto ran = run_flam("infer flamingo_smollm2_caption " + kPhotos + "/chelsea.jpg" + kWithoutDecoder);
  EXPECT_EQ(ran.status, 2) << ran.err;
  EXPECT_THAT(ran.err,
              AllOf(HasSubstr("flamingo_smollm2.yaml:"), HasSubstr("no weights file"),
                    HasSubstr("none.gguf' below weights.root); tools/setup --with-lm downloads it")));
  EXPECT_EQ(ran.out, "");
}

TEST(FlamingoSmolLm2, NamesACatIfItsDecoderIsThere) {
  if (!std::filesystem::exists(kConfigs + "/SmolLM2-135M-Instruct.Q4_1.gguf"))
    GTEST_SKIP() << "tools/setup --with-lm has not got the decoder";
  const auto session = Session::open("flamingo_smollm2_caption");
  const std::string answer = session->answer(picture_request(kPhotos + "/chelsea.jpg")).answer.front().second;
  EXPECT_THAT(answer, HasSubstr("cat"));
}

}  // namespace
}  // namespace flam
