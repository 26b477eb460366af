// Quantised matrices: how far their numbers are from the original, which tensors become quantised, and files
// of them.
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/nn/layers.h"
#include "framework/testing/near.h"
#include "framework/weights/load.h"
#include "framework/weights/quantize_weights.h"
#include "framework/weights/quantized_file.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using testing::AllOf;
using testing::HasSubstr;

constexpr QuantScheme kInt8{QuantScheme::Type::int8, 0}, kInt4{QuantScheme::Type::int4, 32};

/// The root of the mean squared error, relative to that of the numbers.
double error_of_rounding(const at::Tensor& numbers, const QuantScheme& scheme) {
  const at::Tensor rounded = dequantize(quantize(numbers, scheme, "m"), at::kDouble);
  return (rounded - numbers).norm().item<double>() / numbers.norm().item<double>();
}

TEST(Quantize, NumbersStayClose) {
  const at::Tensor numbers = random({40, 256}, 1);
  EXPECT_LT(error_of_rounding(numbers, kInt8), 0.008);
  EXPECT_LT(error_of_rounding(numbers, kInt4), 0.085);
  EXPECT_LT(error_of_rounding(numbers * 1e-6, kInt4), 0.085);
  EXPECT_LT(error_of_rounding(numbers.to(at::kBFloat16), kInt4), 0.085);
}

TEST(Quantize, OutliersDisturbOnlyTheirRowOrGroup) {
  at::Tensor numbers = random({2, 64}, 1);
  const at::Tensor before = dequantize(quantize(numbers, kInt4, "m"), at::kFloat);
  numbers[0][3] = 1e4;
  const at::Tensor after = dequantize(quantize(numbers, kInt4, "m"), at::kFloat);
  EXPECT_TRUE(near(after[0].slice(0, 32), before[0].slice(0, 32), 0));
  EXPECT_TRUE(near(after[1], before[1], 0));
  EXPECT_NEAR(after[0][3].item<float>(), 1e4, 50);
}

TEST(Quantize, ZeroAndExtremeNumbers) {
  for (const QuantScheme& scheme : {kInt8, kInt4}) {
    EXPECT_EQ(dequantize(quantize(at::zeros({2, 32}), scheme, "m"), at::kFloat).abs().max().item<float>(), 0);
    at::Tensor tiny = at::full({1, 32}, 1e-44, at::kFloat);
    EXPECT_LT(dequantize(quantize(tiny, scheme, "m"), at::kFloat).abs().max().item<float>(), 1e-38);
    for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
      at::Tensor numbers = random({3, 64}, 1);
      numbers[1][40] = bad;
      EXPECT_THAT(error_of([&] { quantize(numbers, scheme, "a.weight"); }),
                  AllOf(HasSubstr("'a.weight'"), HasSubstr("not finite")));
    }
  }
}

TEST(Quantize, ThePartsOfALargeMatrixAreRoundedAlike) {
  const at::Tensor numbers = random({9000, 512}, 1);  // more than one part
  const QuantizedMatrix all = quantize(numbers, kInt4, "m"),
                        last = quantize(numbers.narrow(0, 8990, 10), kInt4, "m");
  EXPECT_TRUE(all.values.narrow(0, 8990, 10).equal(last.values));
  EXPECT_TRUE(all.scales.narrow(0, 8990, 10).equal(last.scales));
}

TEST(Quantize, BytesAreThoseOfTheTensors) {
  for (const QuantScheme& scheme : {kInt8, kInt4, QuantScheme{QuantScheme::Type::int4, 64}}) {
    const QuantizedMatrix matrix = quantize(random({3, 128}, 1), scheme, "m");
    EXPECT_EQ(quantized_bytes(scheme, 3, 128),
              static_cast<int64_t>(matrix.values.nbytes() + matrix.scales.nbytes()));
  }
}

std::string config_error(const std::string& yaml) {
  ErrorList errors;
  WeightsConfig::parse(parse_yaml("quantize: " + yaml, "/x/c.yaml"), errors);
  return join(errors.messages(), "\n");
}

TEST(QuantizeConfig, ParsesATypeARuleAndAList) {
  const auto rules = [](const std::string& yaml) {
    ErrorList errors;
    const WeightsConfig config = WeightsConfig::parse(parse_yaml("quantize: " + yaml, "/x/c.yaml"), errors);
    errors.throw_if_any();
    const WeightsConfig again = WeightsConfig::parse(config.resolved(), errors);
    errors.throw_if_any();
    EXPECT_EQ(config.resolved(), again.resolved());
    return config.quantize.rules;
  };
  EXPECT_EQ(rules("int8").at(0).scheme, kInt8);
  EXPECT_EQ(rules("int8").at(0).tensors, (std::vector<std::string>{"language_decoder.*", "adapter.*"}));
  EXPECT_EQ(rules("{type: int4}").at(0).scheme, kInt4);
  const auto list = rules("[{type: none, tensors: [a.*]}, {type: int4, group_size: 128, tensors: ['*']}]");
  EXPECT_FALSE(list.at(0).scheme);
  EXPECT_EQ(list.at(1).scheme->group_size, 128);
  EXPECT_TRUE(rules("none").empty());
  EXPECT_TRUE(rules("").empty());
}

TEST(QuantizeConfig, ErrorsSayWhatIsExpected) {
  EXPECT_THAT(config_error("int5"),
              AllOf(HasSubstr("c.yaml:1:11"), HasSubstr("'int5'"), HasSubstr("int8, int4")));
  EXPECT_THAT(config_error("{type: int4, group_size: 48}"),
              AllOf(HasSubstr("48"), HasSubstr("32, 64, 128 or 256")));
  EXPECT_THAT(config_error("{type: int8, group_size: 32}"), HasSubstr("group_size is for the type int4"));
  EXPECT_THAT(config_error("{group_size: 32}"), HasSubstr("type"));
  EXPECT_THAT(config_error("7"), HasSubstr("expected int8, int4, a rule"));
}

/// A decoder with a matrix of whole groups, one of others, a fused one, an embedding and an output matrix.
class QuantizedLoad : public testing::Test {
 protected:
  static void declare(WeightStore& store) {
    const WeightScope decoder(store, "language_decoder");
    Linear(decoder, "up", 64, 6);
    Linear(decoder, "odd", 40, 3);
    Linear::fused(decoder, "qkv", 32, {2, 3}, {.bias = false});
    const Weight embed = (decoder / "embed").vocabulary("weight", {5, 32}, Init::normal(1));
    Linear((decoder / "head").vocabulary("weight", {5, 32}, Init::normal(1)));
    Linear(WeightScope(store, "vision_backbone"), "proj", 32, 4);
  }
  QuantizedLoad() {
    declare(store_);
    declare(numbers_);
    uint64_t seed = 0;
    for (const auto& slot : numbers_.slots()) {
      slot->tensor = random(slot->shape, ++seed);
      tensors_.emplace_back(slot->name, slot->tensor);
    }
    write_safetensors(folder_ / "numbers", tensors_);
  }
  void load(WeightStore& store, const std::string& file, bool writable = false) {
    WeightsConfig config;
    config.root = folder_.path().string();
    config.files = {{file, {}, {}, {}, {}}};
    config.writable = writable;
    load_weights(
        store, config, [](const std::string&) { return nullptr; }, at::kCPU, at::kFloat, 1);
  }
  /// Quantises the numbers, and writes a file of them.
  void write_quantized(const char* scheme, const std::string& file) {
    WeightStore store;
    declare(store);
    choose_schemes(store, QuantizeConfig::of(scheme));
    load(store, "numbers");
    const QuantizedTensors quantized = quantized_tensors(store);
    write_safetensors(folder_ / file, quantized.tensors, quantized.metadata);
  }
  /// Writes a copy of the file "q" with other metadata and tensors.
  template <class Change>
  std::string error_with(const Change& change) {
    const auto file = open_checkpoint(folder_ / "q");
    std::map<std::string, at::Tensor> tensors;
    for (const std::string& name : file->names()) tensors[name] = file->tensor(name);
    auto metadata = file->metadata();
    change(tensors, metadata);
    write_safetensors(folder_ / "changed", {tensors.begin(), tensors.end()}, metadata);
    return error_of([&] { load(store_, "changed"); });
  }
  const QuantizedMatrix* matrix(const std::string& name) { return store_.find(name)->quantized.get(); }

  test::Scratch folder_;
  WeightStore store_, numbers_;
  std::vector<std::pair<std::string, at::Tensor>> tensors_;
};

TEST_F(QuantizedLoad, MatricesOfTheDecoderAreQuantisedWhileLoading) {
  const std::vector<NotQuantized> left = choose_schemes(store_, QuantizeConfig::of("int4"));
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].name, "language_decoder.odd.weight");
  EXPECT_THAT(left[0].reason, HasSubstr("40 columns"));
  load(store_, "numbers");
  for (const auto& slot : store_.slots()) {
    const at::Tensor wanted = numbers_.find(slot->name)->tensor;
    if (slot->quantized) {
      EXPECT_TRUE(slot->quantized->values.equal(quantize(wanted, kInt4, "m").values)) << slot->name;
      EXPECT_EQ(slot->origins.size(), 1u);
    } else {
      EXPECT_TRUE(slot->tensor.equal(wanted)) << slot->name;
    }
    EXPECT_EQ(stored_bytes(*slot, at::kFloat),
              slot->quantized
                  ? static_cast<int64_t>(slot->quantized->values.nbytes() + slot->quantized->scales.nbytes())
                  : static_cast<int64_t>(slot->tensor.nbytes()));
  }
  EXPECT_TRUE(matrix("language_decoder.up.weight"));
  EXPECT_TRUE(matrix("language_decoder.qkv.weight"));
  EXPECT_TRUE(matrix("language_decoder.head.weight"));
  EXPECT_FALSE(matrix("language_decoder.odd.weight"));
  EXPECT_FALSE(matrix("language_decoder.embed.weight"));
  EXPECT_FALSE(matrix("vision_backbone.proj.weight"));
}

TEST_F(QuantizedLoad, RandomWeightsAreQuantised) {
  choose_schemes(store_, QuantizeConfig::of("int8"));
  store_.initialise(at::kCPU, at::kBFloat16, 3);
  numbers_ = WeightStore();
  declare(numbers_);
  numbers_.initialise(at::kCPU, at::kFloat, 3);
  EXPECT_TRUE(
      matrix("language_decoder.up.weight")
          ->values.equal(quantize(numbers_.find("language_decoder.up.weight")->tensor, kInt8, "m").values));
}

TEST_F(QuantizedLoad, TheFirstRuleThatMatchesDecides) {
  QuantizeConfig config = QuantizeConfig::of("int8");
  config.rules.front().tensors = {"*"};
  config.rules.insert(config.rules.begin(), {std::nullopt, {"*.head.*"}, {}});
  choose_schemes(store_, config);
  EXPECT_FALSE(store_.find("language_decoder.head.weight")->scheme);
  EXPECT_TRUE(store_.find("vision_backbone.proj.weight")->scheme);
}

TEST_F(QuantizedLoad, APatternThatMatchesNoMatrixIsAnError) {
  QuantizeConfig config = QuantizeConfig::of("int8");
  config.rules.front().tensors = {"langauge_decoder.*"};
  EXPECT_THAT(error_of([&] { choose_schemes(store_, config); }),
              AllOf(HasSubstr("'langauge_decoder.*'"), HasSubstr("matches no tensor")));
  config.rules.front().tensors = {"language_decoder.embed.*"};
  EXPECT_THAT(error_of([&] { choose_schemes(store_, config); }), HasSubstr("no matrix of a linear layer"));
}

TEST_F(QuantizedLoad, AFileIsMappedAndUsedAsItIs) {
  for (const char* scheme : {"int8", "int4"}) {
    write_quantized(scheme, "q");
    WeightStore chosen, plain;
    declare(chosen);
    declare(plain);
    choose_schemes(chosen, QuantizeConfig::of(scheme));
    load(chosen, "q");
    load(plain, "q");  // without --quantize
    for (WeightStore* store : {&chosen, &plain}) {
      const auto slot = store->find("language_decoder.qkv.weight");
      ASSERT_TRUE(slot->quantized);
      const MappedFile& file = *slot->origins.at(0).file;
      const auto* const values = static_cast<const std::byte*>(slot->quantized->values.const_data_ptr());
      EXPECT_TRUE(values >= file.data() && values < file.data() + file.bytes().size());
      EXPECT_TRUE(slot->quantized->values.equal(
          quantize(numbers_.find(slot->name)->tensor, parse_scheme(scheme), "m").values));
    }
  }
}

TEST_F(QuantizedLoad, AFileOfAnotherSchemeOrModelIsAnError) {
  write_quantized("int4", "q");
  choose_schemes(store_, QuantizeConfig::of("int8"));
  EXPECT_THAT(error_of([&] { load(store_, "q"); }),
              AllOf(HasSubstr("language_decoder.head.weight is int4:32 [5, 32]"),
                    HasSubstr("wanted as int8, and 2 more matrices likewise; "), HasSubstr("flam quantize")));
  WeightStore other;
  const WeightScope decoder(other, "language_decoder");
  Linear(decoder, "up", 64, 7);
  EXPECT_THAT(error_of([&] { load(other, "q"); }),
              AllOf(HasSubstr("is int4:32 [6, 64] in the file"), HasSubstr("[7, 64] in the model"),
                    HasSubstr("another model")));
  EXPECT_THAT(error_of([&] { load(store_, "q", /*writable=*/true); }),
              AllOf(HasSubstr("quantised"), HasSubstr("training needs numbers")));
}

TEST_F(QuantizedLoad, ADamagedFileIsAnError) {
  write_quantized("int4", "q");
  EXPECT_THAT(error_with([](auto&, auto& metadata) { metadata["flamboyance.quantization"] = "2"; }),
              AllOf(HasSubstr("changed: "), HasSubstr("version '2'"), HasSubstr("reads version 1")));
  EXPECT_THAT(error_with([](auto&, auto& metadata) { metadata["flamboyance.quantized"] = "[]"; }),
              HasSubstr("no JSON object"));
  EXPECT_THAT(error_with([](auto&, auto& metadata) {
                metadata["flamboyance.quantized"] = R"({"language_decoder.up.weight": "int3"})";
              }),
              AllOf(HasSubstr("'language_decoder.up.weight'"), HasSubstr("'int3'")));
  EXPECT_THAT(error_with([](auto& tensors, auto&) { tensors.erase("language_decoder.up.weight.scales"); }),
              HasSubstr("lacks the tensor 'language_decoder.up.weight.scales'"));
  EXPECT_THAT(
      error_with([](auto& tensors, auto&) {
        tensors["language_decoder.up.weight.scales"] = at::zeros({6, 3}, at::kBFloat16);
      }),
      AllOf(HasSubstr("BFloat16 [6, 3]"), HasSubstr("expected BFloat16 [6, 2]"), HasSubstr("flam quantize")));
  EXPECT_THAT(error_with([](auto& tensors, auto&) {
                tensors["language_decoder.up.weight"] = at::zeros({6, 32}, at::kChar);
              }),
              HasSubstr("Char [6, 32], expected Byte [6, 32]"));
  EXPECT_THAT(error_with([](auto& tensors, auto&) {
                at::Tensor& scales = tensors["language_decoder.up.weight.scales"];
                scales = at::full_like(scales, NAN);
              }),
              HasSubstr("'language_decoder.up.weight.scales' has numbers that are not finite"));
  EXPECT_THAT(error_with([](auto&, auto& metadata) { metadata.clear(); }), HasSubstr("unexpected tensor"));
}

}  // namespace
}  // namespace flam
