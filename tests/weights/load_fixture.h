#pragma once
// A small store and files for it.
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include "forge.h"
#include "framework/base/text.h"
#include "framework/weights/load.h"

namespace flam::test {

/// A decoder with a fused matrix, a table of tokens, a tied head and a bias; an adapter with a gate.
class Load : public testing::Test {
 protected:
  Load() {
    const WeightScope decoder(store_, "language_decoder"), adapter(store_, "adapter");
    qkv_ = decoder.fused("layers.0.qkv", {6, 4}, {2, 2, 2}, Init::zeros());
    embed_ = decoder.vocabulary("embed", {5, 4}, Init::normal(1), Init::constant(7));
    decoder.tie("head", embed_);
    bias_ = decoder.tensor("bias", {4}, Init::zeros());
    gate_ = adapter.tensor("gate", {}, Init::zeros());
  }

  std::string file(const std::string& name, const std::vector<std::pair<std::string, at::Tensor>>& tensors) {
    write_safetensors(folder_ / name, tensors);
    return name;
  }
  static at::Tensor full(std::vector<int64_t> shape, double value) {
    return at::full(shape, value, at::kFloat);
  }
  /// The four tensors as a Hugging Face file would hold them.
  static std::vector<std::pair<std::string, at::Tensor>> decoder_tensors() {
    return {{"model.layers.0.q.weight", full({2, 4}, 1)},
            {"model.layers.0.k.weight", full({2, 4}, 2)},
            {"model.layers.0.v.weight", full({2, 4}, 3)},
            {"model.embed.weight", full({5, 4}, 4)},
            {"model.bias", full({1, 4}, 5)},
            {"model.layers.0.inv_freq", full({3}, 0)}};
  }
  std::vector<std::pair<std::string, at::Tensor>> without(const std::string& name) {
    auto tensors = decoder_tensors();
    std::erase_if(tensors, [&](const auto& item) { return item.first == name; });
    return tensors;
  }

  WeightsFile decoder_file(const std::string& name) {
    return {name, {{"model.", "language_decoder", "huggingface"}, {"model.", "adapter", ""}}, {}, {}};
  }
  WeightsFile adapter_file() {
    file("adapter", {{"x.gate", full({1}, 9)}});
    return {"adapter", {{"x.", "adapter", ""}}, {}, {}};
  }
  void load(std::vector<WeightsFile> files, at::ScalarType dtype = at::kFloat) {
    for (WeightsFile& item : files) item.where = {std::make_shared<const std::string>("c.yaml"), 3, 5};
    const NamingLookup namings = [this](const std::string& slot) -> const std::vector<NamingTable>* {
      if (slot == "language_decoder") return &decoder_tables_;
      return slot == "adapter" ? &no_tables_ : nullptr;
    };
    load_weights(store_, {(folder_ / "").string(), files, {}, may_lack_}, namings, at::kCPU, dtype, 1);
  }
  std::string load_error(std::vector<WeightsFile> files) {
    return error_of([&] { load(std::move(files)); });
  }

  Scratch folder_;
  bool may_lack_ = false;
  WeightStore store_;
  Weight qkv_, embed_, bias_, gate_;
  const std::vector<NamingTable> no_tables_;
  const std::vector<NamingTable> decoder_tables_{{"huggingface",
                                                  {{"layers.{}.q.weight", "layers.{}.qkv", 0},
                                                   {"layers.{}.query.weight", "layers.{}.qkv", 0},
                                                   {"bias.part", "bias", 0},
                                                   {"layers.{}.k.weight", "layers.{}.qkv", 1},
                                                   {"layers.{}.v.weight", "layers.{}.qkv", 2},
                                                   {"layers.{}.qkv.weight", "layers.{}.qkv"},
                                                   {"layers.{}.inv_freq", ""},
                                                   {"embed.weight", "embed"},
                                                   {"head.weight", "head"},
                                                   {"bias", "bias"}}}};
};

}  // namespace flam::test
