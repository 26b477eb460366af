// The shipped OpenFlamingo config against files that differ from the golden ones as the published files do:
// float16, aliases and buffers beside the weights, a language model in many .bin shards, odd special tokens
// in its JSON files.

#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/session/session.h"
#include "framework/weights/checkpoint.h"
#include "tests/integration/golden_config.h"
#include "tests/support/scratch.h"
#include "tests/weights/forge.h"

namespace flam::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Tensors = std::vector<std::pair<std::string, at::Tensor>>;

const char* const kVit = "vit-large-p14_clip-openai-pre_3rdparty_20230517-95e2af0b.pth";
const char* const kAdapter = "openflamingo-9b-adapter_20230505-554310c8.pth";

fs::path golden() {
  return golden_root() / "v1_tiny";
}

Tensors in_half(const fs::path& file) {
  Tensors tensors;
  const auto checkpoint = open_checkpoint(file);
  for (const std::string& name : checkpoint->names()) {
    tensors.emplace_back(name, checkpoint->tensor(name).to(at::kHalf).contiguous());
  }
  return tensors;
}

/// A torch file as mmengine writes it, {"meta": {}, "state_dict": …}, or without the outer dict, as Hugging
/// Face does.
void write_torch_file(const fs::path& path, const Tensors& tensors, bool wrapped) {
  std::vector<std::pair<std::string, std::string>> items;
  std::vector<std::string> storages;
  for (const auto& [name, value] : tensors) {
    const char* type = value.scalar_type() == at::kHalf ? "HalfStorage" : "LongStorage";
    items.emplace_back(name, tensor(storage(type, std::to_string(storages.size()), value.numel()), 0,
                                    value.sizes().vec(), value.strides().vec()));
    storages.emplace_back(static_cast<const char*>(value.const_data_ptr()), value.nbytes());
  }
  write(path, torch_zip(pickle(wrapped ? dict({{"meta", "}"}, {"state_dict", dict(items)}}) : dict(items)),
                        storages));
}

void write_language_model(const fs::path& folder) {
  fs::create_directories(folder);
  Tensors tensors = in_half(golden() / "llama");
  const at::Tensor frequencies = at::arange(7, at::kHalf);
  tensors.emplace_back("model.layers.0.self_attn.rotary_emb.inv_freq", frequencies);
  constexpr size_t kShards = 5;
  json map = json::object();
  for (size_t shard = 0; shard < kShards; ++shard) {
    const std::string name = cat("pytorch_model-0000", shard + 1, "-of-00005.bin");
    Tensors part;
    for (size_t i = shard; i < tensors.size(); i += kShards) {
      part.push_back(tensors[i]);
      map[tensors[i].first] = name;
    }
    write_torch_file(folder / name, part, false);
  }
  write(folder / "pytorch_model.bin.index.json",
        json{{"metadata", {{"total_size", 0}}}, {"weight_map", map}}.dump());
  fs::copy(golden() / "llama" / "tokenizer.model", folder / "tokenizer.model");
  write(
      folder / "config.json",
      R"({"architectures": ["LLaMAForCausalLM"], "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": -1})");
  write(folder / "tokenizer_config.json",
        R"({"bos_token": "", "eos_token": "", "tokenizer_class": "LLaMATokenizer", "unk_token": ""})");
  write(folder / "special_tokens_map.json", "{}");
}

void write_published_files(const fs::path& folder) {
  write_torch_file(folder / kVit, in_half(golden() / "clip_vit_mmpretrain.pth"), true);
  write_language_model(folder / "llama-7b-hf");
  Tensors adapter = in_half(golden() / "adapter.pth");
  const std::string prefix = "lang_encoder.model.layers.", middle = ".gated_cross_attn_layer.";
  for (const auto& [name, value] : Tensors(adapter)) {
    const size_t at = name.find(middle);
    if (at == name.npos) continue;
    const std::string layer = name.substr(prefix.size(), at - prefix.size());
    adapter.emplace_back(
        "lang_encoder.gated_cross_attn_layers." + layer + "." + name.substr(at + middle.size()), value);
  }
  adapter.emplace_back("lang_encoder.model.layers.0.decoder_layer.self_attn.rotary_emb.inv_freq",
                       at::arange(7, at::kHalf));
  adapter.emplace_back("vision_encoder.embeddings.position_ids", at::arange(17, at::kLong));
  write_torch_file(folder / kAdapter, adapter, true);
}

/// The golden model's sizes as --set assignments.
std::vector<std::string> golden_sizes(const fs::path& weights) {
  const json model = json::parse(read_file(golden() / "model.json", 1 << 20));
  const json& d = model.at("dims");
  const auto set = [](const char* name, const json& value) { return cat(name, "=", value.dump()); };
  return {set("model.vision_backbone.image_size", d.at("img")),
          set("model.vision_backbone.patch_size", d.at("patch")),
          set("model.vision_backbone.hidden_size", d.at("vit_width")),
          set("model.vision_backbone.num_layers", d.at("vit_layers")),
          set("model.vision_backbone.num_heads", d.at("vit_heads")),
          set("model.vision_backbone.intermediate_size", d.at("vit_width").get<int64_t>() * 4),
          set("model.resampler.depth", d.at("perc_depth")),
          set("model.resampler.num_latents", d.at("perc_latents")),
          set("model.resampler.num_heads", d.at("perc_heads")),
          set("model.resampler.dim_head", d.at("perc_dim_head")),
          set("model.adapter.cross_attn_every_n_layers", d.at("every")),
          set("model.adapter.num_heads", d.at("xattn_heads")),
          set("model.adapter.dim_head", d.at("xattn_dim_head")),
          set("model.language_decoder.vocab_size", model.at("vocab")),
          set("model.language_decoder.hidden_size", d.at("hidden")),
          set("model.language_decoder.num_layers", d.at("layers")),
          set("model.language_decoder.num_heads", d.at("heads")),
          set("model.language_decoder.num_key_value_heads", d.at("heads")),
          set("model.language_decoder.intermediate_size", d.at("inter")),
          set("transforms.0.edge", d.at("img")),
          set("transforms.1.size", d.at("img")),
          "weights.root=" + weights.string()};
}

RunOptions with(std::vector<std::string> overrides) {
  RunOptions options;
  options.overrides = std::move(overrides);
  return options;
}

TEST(PublishedFiles, GiveTheGoldenWeightsRoundedToHalf) {
  const Scratch scratch;
  write_published_files(scratch.path());
  const auto published =
      Session::open("flamingo_3rdparty-zeroshot_caption", with(golden_sizes(scratch.path())));
  const auto reference =
      Session::open(write_golden_config(scratch.path(), golden(), "caption_0shot_adapter_only").string());
  for (const auto& slot : reference->model().weights().slots()) {
    const auto ours = published->model().weights().find(slot->name);
    ASSERT_TRUE(ours) << slot->name;
    EXPECT_TRUE(at::equal(ours->tensor, slot->tensor.to(at::kHalf).to(at::kFloat))) << slot->name;
  }
  const fs::path picture = fs::directory_iterator(golden() / "images")->path();
  const auto outcome = published->answer(picture_request(picture.string()));
  EXPECT_EQ(outcome.answer.front().first, "pred_caption");
  EXPECT_THAT(outcome.prompt,
              testing::StartsWith("Output:A child holding a flowered umbrella and petting a yak."));
}

TEST(PublishedFiles, UnexpectedKeysAreNamedIfTheConfigDoesNotIgnoreThem) {
  const Scratch scratch;
  write_published_files(scratch.path());
  auto overrides = golden_sizes(scratch.path());
  overrides.emplace_back("weights.files.2.ignore=[]");
  try {
    Session::open("flamingo_3rdparty-zeroshot_vqa", with(overrides));
    FAIL() << "opened";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::AllOf(testing::HasSubstr(kAdapter),
                                             testing::HasSubstr("lang_encoder.gated_cross_attn_layers.")));
  }
}

TEST(PublishedFiles, MissingOnesAreListedWithTheConfigsPlace) {
  const Scratch scratch;
  try {
    Session::open("flamingo_3rdparty-fewshot_caption", with(golden_sizes(scratch.path())));
    FAIL() << "opened";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(),
                testing::AllOf(testing::HasSubstr("openflamingo_v1_9b.yaml:"), testing::HasSubstr(kVit),
                               testing::HasSubstr("llama-7b-hf"), testing::HasSubstr(kAdapter),
                               testing::HasSubstr("--set weights.root=DIR")));
  }
}

TEST(PublishedFiles, RandomWeightsNeedNoneOfThem) {
  const Scratch scratch;
  RunOptions options = with(golden_sizes(scratch.path()));
  options.weights = "random";
  const auto session = Session::open("flamingo_3rdparty-zeroshot_vqa", options);
  const fs::path picture = fs::directory_iterator(golden() / "images")->path();
  const auto outcome = session->answer(picture_request(picture.string(), "What is it?"));
  EXPECT_FALSE(outcome.result.hypotheses.front().ids.empty());
}

}  // namespace
}  // namespace flam::test
