// Media tokens are placed in the sequence where the prompt has its media markers (LLaVA, Liu et al. 2023,
// section 4.1; ClipCap, Mokady et al. 2021, section 3). The decoder attends to them like to any other token.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <numeric>

#include "framework/sdk.h"

namespace flam {

struct PrefixParams {
  enum class Projection { none, linear };
  enum class MediaAttention { causal, bidirectional };

  Projection projection = Projection::none;
  bool bias = true;
  bool keep_image_token = false;
  MediaAttention media_attention = MediaAttention::causal;

  void visit(ParamVisitor& v) {
    v("projection", projection,
      "none: the resampler must give the decoder's hidden_size; linear: a linear map from the resampler's "
      "width",
      choices("none", "linear"));
    v("bias", bias, "whether the linear projection has a bias");
    v("keep_image_token", keep_image_token,
      "true: the media marker stays before its media tokens; false: they replace it (LLaVA)");
    v("media_attention", media_attention,
      "causal: a media token sees the tokens before it (LLaVA); bidirectional: it also sees all media tokens "
      "of its picture (PaliGemma)",
      choices("causal", "bidirectional"));
  }
};

namespace {

struct MediaRows final : AdapterState {
  at::Tensor media;  // [B,T,N,D] at the decoder's width; undefined if there are no media

  std::optional<std::vector<at::Tensor>> tensors() const override {
    return std::vector<at::Tensor>();  // steps read none
  }
};

/// Used after these prefixes: `llava` after mm_projector., `huggingface` after language_projection. (BLIP-2).
std::vector<NamingTable> prefix_naming_tables() {
  const std::vector<NameRule> rules = {{"weight", "projection.weight"}, {"bias", "projection.bias"}};
  return {{"llava", rules}, {"huggingface", rules}};
}

/// Where each position of the longer sequence comes from.
struct Layout {
  at::Tensor index;   // [B,S] int64 into the rows of all tokens, then of all media tokens
  Sequence sequence;  // all members but `hidden`
};

class LayoutMaker {
 public:
  LayoutMaker(const PrefixParams& params, const Sequence& prompt, const at::Tensor& media)
      : params_(params),
        mask_(prompt.mask.contiguous()),
        markers_(prompt.media_locations.contiguous()),
        rows_(mask_.size(0)),
        rows_per_media_(rows_ / media.size(0)),
        tokens_(mask_.size(1)),
        pictures_(media.size(1)),
        per_picture_(media.size(2)) {}

  Layout make() {
    std::vector<int64_t> lengths;
    for (int64_t row = 0; row < rows_; ++row) lengths.push_back(length_of(row));
    length_ = *std::max_element(lengths.begin(), lengths.end());
    const auto integers = at::TensorOptions().dtype(at::kLong);
    out_.index = at::empty({rows_, length_}, integers);
    out_.sequence.mask = at::zeros({rows_, length_}, at::kBool);
    out_.sequence.media_locations = at::zeros({rows_, length_}, at::kBool);
    out_.sequence.token_positions = at::zeros({rows_, tokens_}, integers);
    if (params_.media_attention == PrefixParams::MediaAttention::bidirectional)
      out_.sequence.spans = at::zeros({rows_, length_}, integers);
    for (int64_t row = 0; row < rows_; ++row) fill(row, length_ - lengths[row]);
    return std::move(out_);
  }

 private:
  bool is_real(int64_t row, int64_t token) const {
    return mask_.const_data_ptr<bool>()[row * tokens_ + token];
  }
  bool is_marker(int64_t row, int64_t token) const {
    return markers_.const_data_ptr<bool>()[row * tokens_ + token];
  }

  int64_t length_of(int64_t row) const {
    int64_t length = 0, picture = 0;
    for (int64_t token = 0; token < tokens_; ++token) {
      const bool replaced = is_marker(row, token) && picture++ < pictures_;
      length += is_real(row, token) ? (replaced ? per_picture_ + params_.keep_image_token : 1) : 0;
    }
    return length;
  }

  void fill(int64_t row, int64_t padding) {
    auto* index = out_.index.mutable_data_ptr<int64_t>() + row * length_;
    auto* mask = out_.sequence.mask.mutable_data_ptr<bool>() + row * length_;
    auto* locations = out_.sequence.media_locations.mutable_data_ptr<bool>() + row * length_;
    auto* positions = out_.sequence.token_positions.mutable_data_ptr<int64_t>() + row * tokens_;
    std::fill_n(index, padding, row * tokens_);  // any row is fine
    std::fill(mask + padding, mask + length_, true);
    int64_t at = padding, picture = 0;
    for (int64_t token = 0; token < tokens_; ++token) {
      if (!is_real(row, token)) continue;
      const bool marker = is_marker(row, token), replaced = marker && picture < pictures_;
      locations[at] = marker;
      if (!replaced || params_.keep_image_token) index[at++] = row * tokens_ + token;
      if (replaced) {
        const int64_t first = rows_ * tokens_ + (row / rows_per_media_ * pictures_ + picture) * per_picture_;
        std::iota(index + at, index + at + per_picture_, first);
        if (out_.sequence.spans.defined())
          out_.sequence.spans.select(0, row).narrow(0, at, per_picture_).fill_(picture + 1);
        at += per_picture_;
      }
      picture += marker;
      positions[token] = at - 1;
    }
  }

  const PrefixParams& params_;
  at::Tensor mask_, markers_;
  int64_t rows_, rows_per_media_, tokens_, pictures_, per_picture_, length_ = 0;
  Layout out_;
};

}  // namespace

/// Replaces each media marker that has a picture by the N media tokens of that picture. Rows are padded on
/// the left to the longest. Markers without a picture stay tokens, so prompts without pictures stay the same.
class Prefix final : public Adapter {
 public:
  Prefix(const PrefixParams& params, const AdapterInput& in, WeightScope& weights)
      : params_(params), hidden_size_(in.hidden_size), tables_(prefix_naming_tables()) {
    if (params.projection == PrefixParams::Projection::linear)
      projection_ = Linear(weights, "projection", in.media.width, in.hidden_size, {.bias = params.bias});
  }

  std::vector<int64_t> layers() const override { return {}; }
  MaskingRule masking_rule() const override { return {}; }

  std::optional<RequiredMediaWidth> required_media_width() const override {
    if (projects()) return std::nullopt;
    return RequiredMediaWidth{hidden_size_, "projection=linear"};
  }

  std::unique_ptr<AdapterState> prepare(const at::Tensor& media) const override {
    auto state = std::make_unique<MediaRows>();
    if (media.defined() && media.size(1) > 0) state->media = projects() ? projection_(media) : media;
    return state;
  }

  /// Media that are in the sequence already need no state.
  std::unique_ptr<AdapterState> join(const AdapterState&, const AdapterState&) const override {
    return std::make_unique<MediaRows>();
  }

  Sequence embed(Sequence prompt, const AdapterState& state) const override {
    const at::Tensor& media = static_cast<const MediaRows&>(state).media;
    if (!media.defined()) return prompt;
    Layout layout = LayoutMaker(params_, prompt, media).make();
    const at::Tensor& tokens = prompt.hidden;
    const at::Tensor rows = at::cat({tokens.flatten(0, 1), media.flatten(0, 2).to(tokens.scalar_type())});
    layout.sequence.hidden =
        at::index(rows, {layout.index.to(rows.device(), at::kLong, /*non_blocking=*/true)});
    return std::move(layout.sequence);
  }

  at::Tensor before_layer(int64_t, const at::Tensor& hidden, const Visibility&,
                          const AdapterState&) const override {
    return hidden;
  }

  const std::vector<NamingTable>& naming_tables() const override { return tables_; }

 private:
  bool projects() const { return params_.projection == PrefixParams::Projection::linear; }

  PrefixParams params_;
  int64_t hidden_size_;
  Linear projection_;
  std::vector<NamingTable> tables_;
};

}  // namespace flam

FLAM_PLUGIN(registrar) {
  registrar.add<flam::Prefix, flam::PrefixParams>(
      "prefix", "media tokens are placed in the prompt, at its media markers");
}
