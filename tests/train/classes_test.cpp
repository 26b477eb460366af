// The objective `classes`: the resampler's classifier is trained on a folder with a subfolder for each class.
#include <ATen/ops/randn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/train/train.h"
#include "framework/weights/checkpoint.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kPatches = 64, kWidth = 128;  // of flamingo_mini's backbone
const std::string kStage = FLAM_SOURCE_DIR "/configs/_base_/train/flamingo_mini_3_answers.yaml";

class TrainClasses : public testing::Test {
 protected:
  // Six pictures; the features of class c are high in channel c.
  void SetUp() override {
    features_ = at::randn({6, kPatches, kWidth});
    std::string ids;
    for (int64_t i = 0; i < 6; ++i) {
      const std::filesystem::path file = scratch_ / "my" / (i % 2 ? "teapot" : "tabby") / cat(i, ".jpg");
      std::filesystem::create_directories(file.parent_path());
      write_file(file, "");
      ids += cat(i ? "," : "", "\"", file.string(), "\"");
      features_.select(0, i).select(1, i % 2).add_(3);
    }
    write_safetensors(scratch_ / "features.safetensors", {{"features", features_}},
                      {{"ids", cat("[", ids, "]")}});
  }

  std::string output() const { return (scratch_ / "classifier.safetensors").string(); }

  RunOptions options(const std::vector<std::string>& more = {}) const {
    RunOptions out;
    out.overrides = {cat("dataset={_delete_: true, type: image_folder, folder: ", (scratch_ / "my").string(),
                         ", features: ", (scratch_ / "features.safetensors").string(), "}"),
                     "task_head={type: caption}",
                     "model.resampler={_delete_: true, type: classifier_tokens, num_classes: 2}",
                     cat("train={_delete_: true, objectives: [classes], trained: {'resampler.classifier.*': "
                         "0.05}, steps: 60, "
                         "batch_size: 6, init_from: [], output: ",
                         output(), "}")};
    out.overrides.insert(out.overrides.end(), more.begin(), more.end());
    out.threads = 1;
    return out;
  }
  std::string error(const std::string& set) const {
    return error_of([&] { train(kStage, options({"train.trained={'resampler.*': 0.05}", set}), {}); });
  }

  at::Tensor features_;
  test::Scratch scratch_;
};

TEST_F(TrainClasses, WritesAClassifierThatTellsThemApart) {
  std::vector<double> losses;
  TrainHooks hooks;
  hooks.log = [&](const TrainProgress& report) {
    ASSERT_EQ(report.losses.size(), 1u);
    EXPECT_EQ(report.losses[0].first, "classes");
    losses.push_back(report.losses[0].second);
  };
  ASSERT_TRUE(train(kStage, options({"train.log_every=1"}), hooks));
  EXPECT_LT(losses.back(), 0.1 * losses.front());
  const auto file = open_checkpoint(output());
  EXPECT_THAT(file->names(), ElementsAre("resampler.classifier.bias", "resampler.classifier.weight"));
  const at::Tensor logits = features_.mean(1).matmul(file->tensor("resampler.classifier.weight").t()) +
                            file->tensor("resampler.classifier.bias");
  for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(logits.select(0, i).argmax().item().toLong(), i % 2) << i;
  // The last reported loss is that of the weights one step earlier.
  const at::Tensor probabilities = logits.softmax(1);
  double expected = 0;
  for (int64_t i = 0; i < 6; ++i) expected -= std::log(probabilities[i][i % 2].item().toDouble()) / 6;
  EXPECT_NEAR(losses.back(), expected, 0.02);
}

TEST_F(TrainClasses, AValidationFolderWithOtherClassesIsAnError) {
  const auto validated_on = [&](const std::string& folder, const std::string& features) {
    return error_of([&] {
      train(kStage,
            options({"train.validate_every=30",
                     cat("train.validation_dataset={type: image_folder, folder: ",
                         (scratch_ / folder).string(), ", features: ", (scratch_ / features).string(), "}")}),
            {});
    });
  };
  for (const char* name : {"tabby", "zebra"}) {
    std::filesystem::create_directories(scratch_ / "other" / name);
    write_file(scratch_ / "other" / name / "1.jpg", "");
  }
  write_safetensors(scratch_ / "other_features.safetensors", {{"features", features_.narrow(0, 0, 2)}},
                    {{"ids", cat("[\"", (scratch_ / "other/tabby/1.jpg").string(), "\",\"",
                                 (scratch_ / "other/zebra/1.jpg").string(), "\"]")}});
  EXPECT_THAT(
      validated_on("other", "other_features.safetensors"),
      HasSubstr("class 1 of `train.validation_dataset` is 'zebra', but 'teapot' in the dataset that is "
                "trained on"));
  EXPECT_EQ(validated_on("my", "features.safetensors"), "");
}

TEST_F(TrainClasses, ModelsAndDatasetsWithoutThemAreAnError) {
  EXPECT_THAT(error("model.resampler.num_classes=3"),
              AllOf(HasSubstr("the dataset has 2 classes, but the resampler's classifier has 3"),
                    HasSubstr("set model.resampler.num_classes to 2")));
  EXPECT_THAT(error("model.resampler.pooled=false"), HasSubstr("set model.resampler.pooled to true"));
  EXPECT_THAT(
      error("model.resampler={_delete_: true, type: average_pool, num_latents: 1}"),
      HasSubstr("this resampler has none; set model.resampler to {type: classifier_tokens, num_classes: 2}"));
  EXPECT_THAT(error("dataset={_delete_: true, type: scenes}"),
              HasSubstr("the objective `classes` needs a dataset that gives the class of each picture"));
  EXPECT_FALSE(std::filesystem::exists(output()));
}

}  // namespace
}  // namespace flam
