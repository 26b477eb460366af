// Names of weights with training prefixes, in every format.
#include "framework/weights/training_prefixes.h"

#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include "forge.h"

namespace flam {
namespace {

using namespace test;
using Names = std::vector<std::string>;

class TrainingPrefixes : public testing::Test {
 protected:
  Names opened(const Names& names) {
    std::vector<std::pair<std::string, at::Tensor>> tensors;
    for (const std::string& name : names) tensors.emplace_back(name, at::zeros({1}, at::kFloat));
    write_safetensors(folder_ / "f.safetensors", tensors);
    return open_checkpoint(folder_ / "f.safetensors")->names();
  }
  Scratch folder_;
};

TEST_F(TrainingPrefixes, AreRemoved) {
  EXPECT_EQ(opened({"module.a.w", "module.b.w"}), (Names{"a.w", "b.w"}));
  EXPECT_EQ(opened({"_orig_mod.module.a", "_orig_mod.module.b"}), (Names{"a", "b"}));
  EXPECT_EQ(opened({"module.module._orig_mod.a"}), Names{"a"});
  EXPECT_EQ(opened({"_forward_module.a", "b"}), (Names{"a", "b"}));
  EXPECT_EQ(opened({"_fsdp_wrapped_module.layers.0._fsdp_wrapped_module._checkpoint_wrapped_module.w", "v"}),
            (Names{"layers.0.w", "v"}));
}

TEST_F(TrainingPrefixes, SimilarNamesAreKept) {
  for (const Names& names : std::vector<Names>{
           {"a", "module.b"}, {"a.module.b"}, {"my_orig_mod.a"}, {"_orig_mod"}, {"modules.a"}, {"model.a"}})
    EXPECT_EQ(opened(names), names);
  const Names alike{"_orig_mod.a", "a"};  // both would become "a"
  EXPECT_EQ(opened(alike), alike);
}

TEST_F(TrainingPrefixes, TheFilesOwnNamesKeepWorking) {
  opened({"module.a"});
  const auto file = open_checkpoint(folder_ / "f.safetensors");
  EXPECT_EQ(file->tensor("a").data_ptr(), file->tensor("module.a").data_ptr());
  EXPECT_EQ(file->file_of("a"), file->file_of("module.a"));
}

TEST_F(TrainingPrefixes, ShardsAreFoundUnderTheNamesOfTheirIndex) {
  const auto file = open_checkpoint(FLAM_SOURCE_DIR "/tests/weights/files/sharded_module");
  EXPECT_EQ(file->names(), (Names{"a.weight", "b.weight"}));
  EXPECT_EQ(file->tensor("b.weight").sizes(), at::IntArrayRef({2, 2}));
}

TEST_F(TrainingPrefixes, AStateDictInItsWrapper) {
  const auto file = open_checkpoint(FLAM_SOURCE_DIR "/tests/weights/files/model_state_dict.pt");
  EXPECT_EQ(file->names(), Names{"a.weight"});
  EXPECT_EQ(file->wrappers(), Names{"model_state_dict"});
}

}  // namespace
}  // namespace flam
