// Prefixes and wrappers in a layout, and hints about missing ones.
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include "load_fixture.h"

namespace flam {
namespace {

using namespace test;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class LayoutOf : public Load {
 protected:
  /// The decoder's tensors with `prefix` before each name.
  static std::vector<std::pair<std::string, at::Tensor>> behind(const std::string& prefix) {
    auto tensors = decoder_tensors();
    for (auto& [name, tensor] : tensors) name = prefix + name;
    return tensors;
  }
  static WeightsFile with_prefix(const std::string& name, const std::string& prefix) {
    return {name, {{prefix, "language_decoder", "huggingface"}}, {}, {}};
  }
  /// A torch file whose dicts each hold a bias of the given value.
  std::string biases(const std::string& name, const std::vector<std::pair<std::string, float>>& wrappers) {
    std::vector<std::pair<std::string, std::string>> items;
    std::vector<std::string> storages;
    for (const auto& [wrapper, value] : wrappers) {
      const std::string stored = storage("FloatStorage", std::to_string(storages.size()), 4);
      items.emplace_back(wrapper, dict({{"module.bias", tensor(stored, 0, {4}, {1})}}));
      storages.push_back(bytes_of(std::vector<float>(4, value)));
    }
    write(folder_ / name, torch_zip(pickle(dict(items)), storages));
    return name;
  }
};

TEST_F(LayoutOf, TheHintNamesAPrefixOfAllKeys) {
  const std::string error = load_error({with_prefix(file("d", behind("net.")), "model."), adapter_file()});
  EXPECT_THAT(error,
              AllOf(HasSubstr("6 unexpected tensors"),
                    HasSubstr("all of them would fit without 'net.': begin each `prefix` of the layout")));
  load({with_prefix("d", "net.model."), adapter_file()});
  EXPECT_EQ(bias_.tensor().sum().item<float>(), 20);
}

TEST_F(LayoutOf, TheHintShowsALayoutIfThereIsNone) {
  const std::string name = file("d", {{"model.language_decoder.bias", full({4}, 1)}});
  EXPECT_THAT(
      load_error({{name, {}, {}, {}}}),
      HasSubstr("without 'model.': give the file a `layout` with a rule for each part of the model, such as "
                "{prefix: model.language_decoder., slot: language_decoder}"));
}

TEST_F(LayoutOf, TheHintNamesAPrefixThatTheFileLacks) {
  EXPECT_THAT(load_error({with_prefix(file("d", decoder_tensors()), "net.model."), adapter_file()}),
              HasSubstr("all of them would fit behind 'net.'"));
  EXPECT_THAT(load_error({with_prefix("d", "net."), adapter_file()}), Not(HasSubstr("would fit")));
  std::vector<std::pair<std::string, at::Tensor>> bare;
  for (const auto& [name, tensor] : decoder_tensors()) bare.emplace_back(name.substr(6), tensor);
  EXPECT_THAT(load_error({with_prefix(file("bare", bare), "model."), adapter_file()}),
              HasSubstr("all of them would fit behind 'model.'"));
}

TEST_F(LayoutOf, KeysOfOtherKindsGiveNoHint) {
  auto tensors = behind("net.");
  tensors.emplace_back("loss.weight", full({1}, 0));
  EXPECT_THAT(load_error({with_prefix(file("d", tensors), "model."), adapter_file()}),
              Not(HasSubstr("would fit")));
}

TEST_F(LayoutOf, TrainingPrefixesMayBeWritten) {
  const std::string name = file("d", behind("module._orig_mod."));
  load({with_prefix(name, "model."), adapter_file()});
  load({with_prefix(name, "module._orig_mod.model."), adapter_file()});
  WeightsFile spelled = with_prefix(name, "module.model.");
  spelled.ignore = {"module.model.bias"};
  EXPECT_THAT(load_error({spelled, adapter_file()}),
              AllOf(HasSubstr("in no file"), Not(HasSubstr("unexpected"))));
}

TEST_F(LayoutOf, TheOneWrapperMayBeNamed) {
  file("d", decoder_tensors());
  biases("w.pth", {{"model_state_dict", 9}});
  for (const std::string prefix : {"", "model_state_dict.", "model_state_dict.module."}) {
    load({with_prefix("d", "model."), adapter_file(), with_prefix("w.pth", prefix)});
    EXPECT_TRUE(at::equal(bias_.tensor(), full({4}, 9))) << prefix;
  }
}

TEST_F(LayoutOf, TheLayoutSelectsOneOfSeveralWrappers) {
  file("d", decoder_tensors());
  biases("w.pth", {{"model", 8}, {"ema", 9}});
  const auto with = [&](const std::string& prefix) {
    return std::vector<WeightsFile>{with_prefix("d", "model."), adapter_file(), with_prefix("w.pth", prefix)};
  };
  EXPECT_THAT(
      load_error(with("")),
      AllOf(HasSubstr("c.yaml:3:5: "), HasSubstr("w.pth: holds several dicts of tensors"),
            HasSubstr("such as `prefix: ema.`"), HasSubstr("\n    ema (1 tensor)\n    model (1 tensor)")));
  for (const std::string prefix : {"ema.", "ema.module."}) {
    load(with(prefix));
    EXPECT_TRUE(at::equal(bias_.tensor(), full({4}, 9))) << prefix;
  }
  load(with("model."));
  EXPECT_TRUE(at::equal(bias_.tensor(), full({4}, 8)));
}

}  // namespace
}  // namespace flam
