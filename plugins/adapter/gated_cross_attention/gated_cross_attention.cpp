// Flamingo's gated cross-attention (Alayrac et al. 2022, section 3.1.2): before every n-th decoder layer,
// text tokens attend to media tokens. Tanh gates that start at zero leave the language model unchanged.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>

#include "framework/sdk.h"

namespace flam {

struct GatedCrossAttentionParams {
  int64_t cross_attn_every_n_layers = 4;
  int64_t num_heads = 8;
  int64_t dim_head = 64;
  int64_t ff_mult = 4;
  double gate_init = 0;
  bool only_attend_immediate_media = true;
  MaskingRule::TextSees text_sees = MaskingRule::TextSees::last;
  MaskingRule::CachedTokensSee cached_tokens_see = MaskingRule::CachedTokensSee::last;

  void visit(ParamVisitor& v) {
    v("cross_attn_every_n_layers", cross_attn_every_n_layers,
      "acts before decoder layers i with (i+1) % n = 0", between(1, kMostOfASize));
    v("num_heads", num_heads, "attention heads", between(1, kMostOfASize));
    v("dim_head", dim_head, "width of a head", between(1, kMostOfASize));
    v("ff_mult", ff_mult, "inner width of the feed-forward as a multiple of its outer width",
      between(1, 1024));
    v("gate_init", gate_init, "initial value of both gates, before the tanh; 0 in Flamingo",
      between(-1000, 1000));
    v("only_attend_immediate_media", only_attend_immediate_media,
      "true: a token sees only one image, the last or the next one; false: it also sees all images before "
      "that one");
    v("text_sees", text_sees,
      "which image text sees: the next one after it (OpenFlamingo v1) or the last one before it",
      choices("next", "last"));
    v("cached_tokens_see", cached_tokens_see,
      "what generated tokens see: nothing (OpenFlamingo v1) or the last image", choices("nothing", "last"));
  }
};

namespace {

struct MediaState final : AdapterState {
  std::vector<LatentAttention::KeyValue> layers;  // [B,H,T·L,d]; empty if there are no media

  std::optional<std::vector<at::Tensor>> tensors() const override {
    std::vector<at::Tensor> all;
    for (const auto& [key, value] : layers) all.insert(all.end(), {key, value});
    return all;
  }
};

std::vector<NamingTable> gated_naming_tables() {
  NamingTable mmpretrain{"mmpretrain", {}}, openflamingo{"openflamingo", {}};
  for (const char* leaf :
       {"attn_gate", "ff_gate", "attn.norm.weight", "attn.norm.bias", "attn.to_q.weight", "attn.to_kv.weight",
        "attn.to_out.weight", "ff.0.weight", "ff.0.bias", "ff.1.weight", "ff.3.weight"}) {
    const std::string own = std::string("layers.{}.") + leaf;
    mmpretrain.rules.push_back({std::string("layers.{}.gated_cross_attn_layer.") + leaf, own});
    openflamingo.rules.push_back({std::string("gated_cross_attn_layers.{}.") + leaf, own});
  }
  return {mmpretrain, openflamingo};
}

}  // namespace

/// x += tanh(attn_gate) · attention(norm(x), media); x += tanh(ff_gate) · ff(x). Media have no norm.
class GatedCrossAttention final : public Adapter {
 public:
  GatedCrossAttention(const GatedCrossAttentionParams& params, const AdapterInput& in, WeightScope& weights)
      : params_(params), tables_(gated_naming_tables()) {
    const int64_t n = params.cross_attn_every_n_layers;
    if (n > in.num_layers) {
      throw Error(cat("cross_attn_every_n_layers ", n, " is more than the ", in.num_layers,
                      " layers of the language decoder (model.language_decoder.num_layers), so the adapter "
                      "would act before none of them; set it to at most ",
                      in.num_layers));
    }
    for (int64_t i = n - 1; i < in.num_layers; i += n) {
      const WeightScope scope = weights / "layers" / i;
      layers_.push_back(
          {LayerNorm(scope / "attn", "norm", in.hidden_size),
           LatentAttention(scope / "attn", in.hidden_size, in.media.width, params.num_heads, params.dim_head),
           LatentFeedForward(scope / "ff", in.hidden_size, params.ff_mult),
           scope.tensor("attn_gate", {1}, Init::constant(params.gate_init)),
           scope.tensor("ff_gate", {1}, Init::constant(params.gate_init))});
    }
  }

  std::vector<int64_t> layers() const override {
    std::vector<int64_t> indices;
    for (size_t k = 1; k <= layers_.size(); ++k) indices.push_back(k * params_.cross_attn_every_n_layers - 1);
    return indices;
  }

  MaskingRule masking_rule() const override {
    return {params_.text_sees, params_.cached_tokens_see, !params_.only_attend_immediate_media};
  }

  std::unique_ptr<AdapterState> prepare(const at::Tensor& media) const override {
    auto state = std::make_unique<MediaState>();
    if (!media.defined() || media.size(1) == 0) return state;
    const at::Tensor flat = media.flatten(1, 2);
    for (const Layer& layer : layers_) state->layers.push_back(layer.attention.keys_and_values(flat));
    return state;
  }

  std::unique_ptr<AdapterState> join(const AdapterState& first, const AdapterState& second) const override {
    const auto &shared = static_cast<const MediaState&>(first), &own = static_cast<const MediaState&>(second);
    auto state = std::make_unique<MediaState>(own.layers.empty() ? shared : own);
    if (own.layers.empty() || shared.layers.empty()) return state;
    const auto joined = [](const at::Tensor& of_all, const at::Tensor& of_row) {
      return at::cat({of_all.expand({of_row.size(0), -1, -1, -1}), of_row}, 2);
    };
    for (size_t i = 0; i < own.layers.size(); ++i) {
      state->layers[i] = {joined(shared.layers[i].key, own.layers[i].key),
                          joined(shared.layers[i].value, own.layers[i].value)};
    }
    return state;
  }

  at::Tensor before_layer(int64_t layer, const at::Tensor& hidden, const Visibility& visibility,
                          const AdapterState& state) const override {
    const size_t index = layer / params_.cross_attn_every_n_layers;
    const Layer& block = layers_.at(index);
    const auto& media = static_cast<const MediaState&>(state);
    at::Tensor x = hidden;
    if (!visibility.sees_nothing && !media.layers.empty()) {
      const at::Tensor queries = block.norm(x);
      const AttentionMask& mask = visibility.media_mask;
      if (visibility.probe && visibility.probe->wants_attention()) {
        const at::Tensor weights = block.attention.weights(queries, media.layers[index], mask);
        visibility.probe->record("adapter_attention", layer,
                                 weights.masked_fill(visibility.sees_none.unsqueeze(1), 0));
      }
      at::Tensor seen = block.attention(queries, media.layers[index], mask);
      seen = seen.masked_fill(visibility.sees_none, 0);
      x = add_residual(x, seen * block.attn_gate.tensor().tanh());
    }
    return add_residual(x, block.feed_forward(x) * block.ff_gate.tensor().tanh());
  }

  const std::vector<NamingTable>& naming_tables() const override { return tables_; }

 private:
  struct Layer {
    LayerNorm norm;
    LatentAttention attention;
    LatentFeedForward feed_forward;
    Weight attn_gate, ff_gate;
  };

  GatedCrossAttentionParams params_;
  std::vector<Layer> layers_;
  std::vector<NamingTable> tables_;
};

}  // namespace flam

FLAM_PLUGIN(registrar) {
  registrar.add<flam::GatedCrossAttention, flam::GatedCrossAttentionParams>(
      "gated_cross_attention", "text attends to media before every n-th decoder layer, with tanh gates");
}
