// Training from a dataset of the backbone's features.
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/base/text.h"
#include "framework/recipe/run_config.h"
#include "framework/train/train.h"
#include "tests/support/scratch.h"
#include "tests/support/stored.h"
#include "tests/support/test_device.h"

namespace flam {
namespace {

using test::error_of;
using testing::HasSubstr;

const std::string kStage = FLAM_SOURCE_DIR "/configs/_base_/train/flamingo_mini_3_answers.yaml";

class TrainFromFeatures : public testing::Test {
 protected:
  void SetUp() override {
    const auto registry = open_registry({FLAM_FIXTURE_PLUGINS "/stored"});
    const RunConfig config = RunConfig::load(kStage, options("pictures").overrides, *registry);
    const auto model = Model::assemble(config.model, *registry);
    model->load(nullptr, at::kCPU, at::kFloat, static_cast<uint64_t>(config.train->seed));
    test::write_stored(scratch_ / "stored.safetensors", *model, TransformChain(config.transforms, *registry),
                       3);
  }

  std::string output(const std::string& key) const {
    return (scratch_ / (key + ".out.safetensors")).string();
  }

  RunOptions options(const std::string& key, const std::vector<std::string>& more = {}) const {
    RunOptions out = test::on_device();
    out.overrides = {"train.output=" + output(key),
                     "train.steps=3",
                     "train.batch_size=2",
                     "train.micro_batch_size=0",
                     "train.init_from=[]",
                     "train.records_per_picture=[1, 1]",
                     "train.sample_every=3",
                     cat("dataset={_delete_: true, type: stored, key: ", key,
                         ", file: ", (scratch_ / "stored.safetensors").string(), "}")};
    out.overrides.insert(out.overrides.end(), more.begin(), more.end());
    out.plugin_path = {FLAM_FIXTURE_PLUGINS "/stored"};
    out.threads = 1;
    return out;
  }

  test::Scratch scratch_;
};

TEST_F(TrainFromFeatures, EqualsTrainingFromThePicturesWithAFrozenBackbone) {
  std::vector<std::string> samples[2];
  for (const char* key : {"pictures", "features"}) {
    TrainHooks hooks;
    hooks.sample = [&](const std::string& sample) { samples[key[0] == 'f'].push_back(sample); };
    ASSERT_TRUE(train(kStage, options(key), hooks));
  }
  EXPECT_EQ(samples[0], samples[1]);
  EXPECT_EQ(samples[0].size(), 2u);
  const auto first = open_checkpoint(output("pictures")), second = open_checkpoint(output("features"));
  ASSERT_EQ(first->names(), second->names());
  ASSERT_FALSE(first->names().empty());
  for (const std::string& name : first->names()) {
    const at::Tensor a = first->tensor(name);
    EXPECT_TRUE(a.allclose(second->tensor(name), 1e-4, 1e-5)) << name;
  }
}

TEST_F(TrainFromFeatures, LeavesTheBackboneOut) {
  EXPECT_THAT(
      error_of([&] { train(kStage, options("features", {"train.trained={\"vision*\": 0.001}"}), {}); }),
      AllOf(HasSubstr("the pattern 'vision*' of `train.trained` matches 'vision_backbone."),
            HasSubstr("but the dataset gives features")));
  ASSERT_TRUE(train(kStage, options("features", {"train.new_tensor_rate=0.01"}), {}));
  for (const std::string& name : open_checkpoint(output("features"))->names())
    EXPECT_FALSE(name.starts_with("vision_backbone.")) << name;
}

TEST_F(TrainFromFeatures, OfAnotherShapeIsAnErrorThatNamesTheRecord) {
  const std::string message =
      error_of([&] { train(kStage, options("features", {"model.vision_backbone.hidden_size=64"}), {}); });
  EXPECT_THAT(message, AllOf(HasSubstr("record 'record "), HasSubstr("[64, 128], but the backbone gives "),
                             HasSubstr("[64, 64] (tokens, width)")));
}

}  // namespace
}  // namespace flam
