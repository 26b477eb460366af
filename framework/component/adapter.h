#pragma once
#include "framework/component/types.h"
#include "framework/registry/component.h"
#include "framework/weights/naming.h"

namespace flam {

/// What an adapter is built for.
struct AdapterInput {
  MediaShape media;         // of the resampler
  int64_t hidden_size = 0;  // of the decoder
  int64_t num_layers = 0;   // of the decoder
};

/// How text_time follows from media positions; computed by the model (model/placement.h), stated by the
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
  /// hidden [R,S,D] → [R,S,D], before decoder layer `layer`. R is a multiple of the state's B: the rows of
  /// one media row lie together (beams). `placement` is [R,S].
  virtual at::Tensor before_layer(int64_t layer, const at::Tensor& hidden, const Placement& placement,
                                  const AdapterState& state) const = 0;
  virtual const std::vector<NamingTable>& naming_tables() const;
};

}  // namespace flam
