#pragma once
#include "framework/component/types.h"
#include "framework/registry/component.h"
#include "framework/weights/naming.h"

namespace flam {

/// What an adapter is built for. It is built twice: once to be asked for required_media_width(), when `media`
/// is still a guess (the backbone's features), on weights that are thrown away.
struct AdapterInput {
  MediaShape media;         // of the resampler
  int64_t hidden_size = 0;  // of the decoder
  int64_t num_layers = 0;   // of the decoder
};

/// How text_time follows from media positions; computed by the model (model/visibility.h), stated by the
/// adapter.
struct MaskingRule {
  enum class TextSees { next, last };
  enum class CachedTokensSee { nothing, last };
  TextSees text_sees = TextSees::last;
  CachedTokensSee cached_tokens_see = CachedTokensSee::last;
};

/// Keys and values of one batch of media, per layer; made once, shared by beams. Adapters derive their own.
class FLAM_API AdapterState {
 public:
  virtual ~AdapterState();
};

/// The media width that an adapter needs, where it can't take any.
struct RequiredMediaWidth {
  int64_t width = 0;
  std::string otherwise;  // what to set for a resampler that can't give it: "projection: linear"
};

/// R prompts as the decoder runs them: S positions, tokens and the media that an adapter has put among them.
struct Sequence {
  at::Tensor hidden;  // [R,S,D], on the decoder's device
  // On the CPU while an adapter works on them, then beside `hidden`:
  at::Tensor mask;             // [R,S] bool: false is padding
  at::Tensor media_locations;  // [R,S] bool: a media marker, or the first of the positions that replace it
  at::Tensor token_positions;  // [R,L] int64: where the output of token l is read, the last position of those
                               // that stand for it; padding: any. Undefined: token l is position l
  at::Tensor spans;  // [R,S] int64: positions of one span above 0 see each other in both directions;
                     // undefined: none
};

/// adapter: how the decoder sees the media tokens. Never sees token ids.
class FLAM_API Adapter : public Component {
 public:
  static constexpr const char* kKind = "adapter";
  using Input = AdapterInput;

  ~Adapter() override;
  /// Before which decoder layers it acts, ascending.
  virtual std::vector<int64_t> layers() const = 0;
  virtual MaskingRule masking_rule() const = 0;
  /// media [B,T,L,D'] → state for these B rows. `probe` may be null.
  virtual std::unique_ptr<AdapterState> prepare(const at::Tensor& media) const = 0;
  /// Puts media among the tokens of R prompts, R a multiple of the state's B as in before_layer(); the k-th
  /// media location of a row stands for its k-th media. Padding stays on the left. By default nothing is put.
  virtual Sequence embed(Sequence sequence, const AdapterState& state) const;
  /// Reaches the resampler as ResamplerInput::media_width; none: any width will do, and it is offered the
  /// backbone's.
  virtual std::optional<RequiredMediaWidth> required_media_width() const;
  /// hidden [R,S,D] → [R,S,D], before decoder layer `layer`. R is a multiple of the state's B: the rows of
  /// one media row lie together (beams). `visibility` is [R,S].
  virtual at::Tensor before_layer(int64_t layer, const at::Tensor& hidden, const Visibility& visibility,
                                  const AdapterState& state) const = 0;
  virtual const std::vector<NamingTable>& naming_tables() const;
};

}  // namespace flam
