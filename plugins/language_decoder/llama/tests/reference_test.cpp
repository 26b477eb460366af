// Compares each layer with a stored run of Hugging Face's LLaMA, with weights from both kinds of file.
#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/component/language_decoder.h"
#include "tests/support/component.h"

namespace flam {
namespace {

std::string params_of(const std::filesystem::path& config_file) {
  const Value config = parse_yaml(read_file(config_file, 1 << 20), config_file.string());
  const auto number = [&](const char* key) { return config.find(key)->as_int(); };
  return cat("{type: llama, vocab_size: ", number("vocab_size"), ", hidden_size: ", number("hidden_size"),
             ", num_layers: ", number("num_hidden_layers"), ", num_heads: ", number("num_attention_heads"),
             ", intermediate_size: ", number("intermediate_size"), "}");
}

TEST(LlamaReference, layers_norm_and_logits) {
  const std::filesystem::path dir = FLAM_SOURCE_DIR "/tests/golden/v1_tiny";
  const auto dump = open_checkpoint(dir / "caption_0shot.safetensors");
  const LayoutRule decoder{"lang_encoder.", LanguageDecoder::kKind, "huggingface"};
  for (const char* file : {"llama", "llama/pytorch_model.bin"}) {
    SCOPED_TRACE(file);
    Built<LanguageDecoder> llama(params_of(dir / "llama" / "config.json"), {3});
    llama.load({{(dir / file).string(), {{"", LanguageDecoder::kKind, "huggingface"}}, {}, {}},
                {(dir / "adapter.pth").string(), {decoder}, {"perceiver.*", "*gated_cross_attn*"}, {}},
                {(dir / "lm_head.pth").string(), {decoder}, {}, {}}});
    const at::Tensor ids = dump->tensor("input_ids"), hidden = dump->tensor("hidden_layer3");
    const int64_t length = ids.size(1);
    const DecodeStep step{at::arange(length, at::kLong).unsqueeze(0),
                          at::ones({1, 1, length, length}, at::kBool).tril(), nullptr, nullptr};
    EXPECT_TRUE(near(llama->embed(ids), dump->tensor("embed"), kGoldenTolerance));
    const char* before[] = {"embed", "xattn_out_layer1", "hidden_layer1", "xattn_out_layer3"};
    for (int64_t layer = 0; layer < 4; ++layer) {
      EXPECT_TRUE(near(llama->run(layer, layer + 1, dump->tensor(before[layer]), step),
                       dump->tensor(cat("hidden_layer", layer)), kGoldenTolerance))
          << layer;
    }
    EXPECT_TRUE(near(llama->head(hidden, nullptr), dump->tensor("logits"), kGoldenTolerance));
  }
}

}  // namespace
}  // namespace flam
