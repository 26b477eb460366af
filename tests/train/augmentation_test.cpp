// What only training does: random transforms, and layers that drop parts. It is repeatable, and validation
// does not see it.
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/train/train.h"
#include "framework/weights/checkpoint.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using testing::HasSubstr;

const std::string kStage =
    std::string(FLAM_SOURCE_DIR) + "/configs/_base_/train/flamingo_mini_3_answers.yaml";
const std::string kRandom =
    "train.transforms=[{type: random_resized_crop, size: 80, scale: [0.3, 1]}, {type: "
    "random_horizontal_flip}, "
    "{type: color_jitter, brightness: 0.4, hue: 0.2}, {type: normalize, mean: [127.5, 127.5, 127.5], std: "
    "[127.5, 127.5, 127.5]}]";
const std::string kDropPath = "model.vision_backbone.drop_path_rate=0.5";

class Augmentation : public testing::Test {
 protected:
  using Losses = std::vector<double>;

  std::string output(const std::string& name) const { return (scratch_ / (name + ".safetensors")).string(); }

  RunOptions options(const std::string& name, const std::vector<std::string>& more) const {
    RunOptions out;
    out.overrides = {"train.output=" + output(name),
                     "train.steps=4",
                     "train.batch_size=4",
                     "train.micro_batch_size=2",
                     "train.warmup_steps=0",
                     "train.init_from=[]",
                     "train.log_every=1",
                     "train.sample_every=0",
                     "train.records_per_picture=[1, 1]",
                     "train.trained={_delete_: true, '*': 0.001}"};
    out.overrides.insert(out.overrides.end(), more.begin(), more.end());
    out.threads = 1;
    return out;
  }

  /// The training loss of each report, and with a validation dataset the validation losses.
  std::pair<Losses, Losses> losses_of(const std::string& name, const std::vector<std::string>& more) const {
    Losses training, validation;
    TrainHooks hooks;
    hooks.log = [&](const TrainProgress& report) { training.push_back(report.losses.front().second); };
    hooks.validated = [&](int64_t, const auto& losses, bool) { validation.push_back(losses.back().second); };
    EXPECT_TRUE(train(kStage, options(name, more), hooks));
    return {training, validation};
  }

  void expect_equal_files(const std::string& a, const std::string& b) const {
    const auto first = open_checkpoint(output(a)), second = open_checkpoint(output(b));
    ASSERT_EQ(first->names(), second->names());
    for (const std::string& name : first->names())
      EXPECT_TRUE(at::equal(first->tensor(name), second->tensor(name))) << name;
  }

  const test::Scratch scratch_;
};

TEST_F(Augmentation, ResumesToTheSameWeights) {
  ASSERT_TRUE(train(kStage, options("whole", {kRandom, kDropPath}), {}));
  TrainHooks interrupt;
  interrupt.cancelled = [calls = 0]() mutable { return ++calls == 2; };
  EXPECT_FALSE(train(kStage, options("resumed", {kRandom, kDropPath}), interrupt));
  EXPECT_TRUE(train(kStage, options("resumed", {kRandom, kDropPath}), {}));
  expect_equal_files("whole", "resumed");
}

TEST_F(Augmentation, DoesNotDependOnTheNumberOfThreads) {
  RunOptions one = options("one", {kRandom, kDropPath}), two = options("two", {kRandom, kDropPath});
  two.threads = 2;
  ASSERT_TRUE(train(kStage, one, {}));
  ASSERT_TRUE(train(kStage, two, {}));
  expect_equal_files("one", "two");
}

TEST_F(Augmentation, ChangesTrainingButNotValidation) {
  // So small a rate changes no weight, and the one picture stays the same.
  const std::vector<std::string> still = {"train.trained={_delete_: true, '*': 1.0e-20}",
                                          "train.batch_size=1",
                                          "train.micro_batch_size=0",
                                          "dataset.size=1",
                                          "train.validation_dataset={type: scenes, split: test, size: 2}",
                                          "train.validation_records=2",
                                          "train.validate_every=2"};
  const auto with = [&](const std::string& name, const std::string& more) {
    std::vector<std::string> all = still;
    if (!more.empty()) all.push_back(more);
    return losses_of(name, all);
  };
  const auto [plain, plain_validation] = with("plain", "");
  ASSERT_EQ(plain.size(), 4u);
  ASSERT_EQ(plain_validation.size(), 2u);
  for (const double loss : plain) EXPECT_EQ(loss, plain[0]);
  for (const std::string& more : {kRandom, kDropPath}) {
    const auto [training, validation] = with(more.substr(6, 5), more);
    EXPECT_EQ(validation, plain_validation) << more;
    EXPECT_NE(training, plain) << more;
    EXPECT_NE(training[0], training[1]) << more;  // each step draws anew
  }
}

TEST_F(Augmentation, WrongUseIsAnError) {
  const auto error_of = [&](const std::string& more) {
    try {
      train(kStage, options("wrong", {more}), {});
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(error_of("train.transforms=3"), HasSubstr("`transforms` of `train` must be a list"));
  EXPECT_THAT(error_of("train.transforms=[]"), HasSubstr("null means those of the config"));
  EXPECT_THAT(error_of("train.transforms=[{type: random_resized_crop, size: 80}]"),
              HasSubstr("put {type: normalize} last"));
  EXPECT_THAT(error_of("train.transforms=[{type: random_resized_crop}, {type: normalize}]"),
              HasSubstr("give pictures of 224×224 pixels, but vision_backbone 'clip_vit' takes 80×80"));
  EXPECT_THAT(error_of("train.optimizer=adamm"), HasSubstr("did you mean 'adamw'?"));
  EXPECT_THAT(error_of("train.optimizer={type: muon, momentun: 0.9}"), HasSubstr("did you mean 'momentum'?"));
  EXPECT_THAT(error_of("train.optimizer={type: adamw, beta1: 1}"), HasSubstr("'beta1' is 1"));
}

}  // namespace
}  // namespace flam
