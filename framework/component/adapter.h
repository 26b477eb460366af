#pragma once
#include "framework/component/types.h"
#include "framework/registry/component.h"
#include "framework/weights/naming.h"

namespace flam {

/// What an adapter is built for. It is built twice. The first instance is only asked for
/// required_media_width(): its `media` is a guess (the shape of the backbone's features), and its weights are
/// discarded.
struct AdapterInput {
  MediaShape media;         // of the resampler
  int64_t hidden_size = 0;  // of the decoder
  int64_t num_layers = 0;   // of the decoder
};

/// What each token sees, computed from media positions. The adapter states the rule, and the model applies it
/// (model/visibility.h).
struct MaskingRule {
  enum class TextSees { next, last };
  enum class CachedTokensSee { nothing, last };
  TextSees text_sees = TextSees::last;
  CachedTokensSee cached_tokens_see = CachedTokensSee::last;
  bool sees_earlier = false;  // besides that image, those before it
};

/// The keys and values of one batch of media for each layer, computed once and shared by beams. Adapters
/// derive their own class.
class FLAM_API AdapterState {
 public:
  virtual ~AdapterState();
  /// The tensors of the state, in the same order for every state of this class. A recorded decode step reads
  /// them at fixed addresses, so the next prompts' values are copied into them. By default not known, and
  /// then each batch records a step of its own.
  virtual std::optional<std::vector<at::Tensor>> tensors() const;
};

/// The media width that an adapter requires, if it does not accept any width.
struct RequiredMediaWidth {
  int64_t width = 0;
  std::string otherwise;  // the setting with which the adapter accepts another width: "projection: linear"
};

/// R prompts as the decoder runs them: S positions, which are tokens and the media that an adapter has
/// inserted.
struct Sequence {
  at::Tensor hidden;  // [R,S,D], on the decoder's device
  // On the CPU during Adapter::embed(), then on the device of `hidden`:
  at::Tensor mask;             // [R,S] bool: false is padding
  at::Tensor media_locations;  // [R,S] bool: a media marker, or the first of the positions that replace it
  at::Tensor token_positions;  // [R,L] int64: where the output of token l is read, the last position of those
                               // that stand for it; padding: any. Undefined: token l is position l
  at::Tensor spans;        // [R,S] int64: positions of one span above 0 see each other in both directions;
                           // undefined: none
  bool is_causal = false;  // set by the model after Adapter::embed(): there is neither padding nor a span
};

/// adapter: lets the decoder see the media tokens. It does not get token ids.
class FLAM_API Adapter : public Component {
 public:
  static constexpr const char* kKind = "adapter";
  using Input = AdapterInput;

  ~Adapter() override;
  /// The decoder layers before which it acts, in ascending order.
  virtual std::vector<int64_t> layers() const = 0;
  virtual MaskingRule masking_rule() const = 0;
  /// media [B,T,L,D'] → state for these B rows. `probe` may be null.
  virtual std::unique_ptr<AdapterState> prepare(const at::Tensor& media) const = 0;
  /// The state of the media of `first` followed by those of each row of `second`, for before_layer() alone.
  /// Both come from prepare(); `first` has one row, whose media all rows share. Null (the default): this
  /// adapter can't join states, so prepare() is called with all media instead.
  virtual std::unique_ptr<AdapterState> join(const AdapterState& first, const AdapterState& second) const;
  /// Inserts media between the tokens of R prompts, R a multiple of the state's B as in before_layer(); the
  /// k-th media location of a row stands for its k-th media. Padding must stay on the left. By default
  /// nothing is inserted.
  virtual Sequence embed(Sequence sequence, const AdapterState& state) const;
  /// The width that the resampler gets as ResamplerInput::media_width. Not set: the adapter accepts any
  /// width, and the resampler gets the backbone's.
  virtual std::optional<RequiredMediaWidth> required_media_width() const;
  /// hidden [R,S,D] → [R,S,D], before decoder layer `layer`. R is a multiple of the state's B: the rows of
  /// one media row (beams) are adjacent. `visibility` is [R,S].
  virtual at::Tensor before_layer(int64_t layer, const at::Tensor& hidden, const Visibility& visibility,
                                  const AdapterState& state) const = 0;
  virtual const std::vector<NamingTable>& naming_tables() const;
};

}  // namespace flam
