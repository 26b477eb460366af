#pragma once
#include "framework/component/types.h"
#include "framework/registry/component.h"
#include "framework/weights/naming.h"

namespace flam {

/// Pictures for a backbone. Beside the pixels, it holds what only some backbones use; each of these tensors
/// is undefined if the pictures need no more than their pixels.
struct FLAM_API VisionInput {
  VisionInput(at::Tensor pictures) : pixels(std::move(pictures)) {}  // NOLINT: pixels alone are an input

  at::Tensor pixels;  // float [N,3,S,S], normalised
  /// [N,S/patch,S/patch] bool: true where a patch shows the picture, false where it is padding. The patches
  /// that show the picture form a rectangle at the top left.
  at::Tensor patch_mask;
  /// [G,T] bool: the N = G·T squares of `pixels` are the T tile slots of each of G pictures; false: an empty
  /// slot.
  at::Tensor tile_mask;
  at::Tensor aspect_ratio_ids;  // [G] int64: which of the backbone's arrangements the tiles of a picture have

  bool has_only_pixels() const;
  /// The same with the floating-point tensors in `dtype`, and all tensors on `device`.
  VisionInput to(at::Device device, at::ScalarType dtype) const;
};

/// vision_backbone: pixels float [N,3,S,S] (normalised) → Features{tokens [N,P,D]}.
class FLAM_API VisionBackbone : public Component {
 public:
  static constexpr const char* kKind = "vision_backbone";
  struct Input {};

  ~VisionBackbone() override;
  virtual int64_t image_size() const = 0;  // H = W, pixels
  virtual FeatureShape shape() const = 0;
  virtual Features forward(const at::Tensor& pixels) const = 0;
  /// Like forward(), for pictures of which more than the pixels matters; the model calls this one. By
  /// default, it is an error if there is more. Tokens of padding patches and of empty tiles may have any
  /// value.
  virtual Features encode(const VisionInput& input) const;
  virtual const std::vector<NamingTable>& naming_tables() const;
};

/// Error: the pixels are not [N,3,image_size,image_size]. `backbone` is the component's name in the message.
FLAM_API void check_pixels(const at::Tensor& pixels, int64_t image_size, const char* backbone);

/// Converts a feature map [N,D,h,w] to features [N,h·w,D]: the positions row by row, without prefix tokens.
FLAM_API Features features_of_map(const at::Tensor& map);

}  // namespace flam
