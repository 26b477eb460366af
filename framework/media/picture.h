#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "framework/base/export.h"

namespace flam {

/// A decoded picture: uint8 [H,W,3], RGB, contiguous, on the CPU.
struct Picture {
  at::Tensor rgb;
  int64_t height() const { return rgb.size(0); }
  int64_t width() const { return rgb.size(1); }
};

struct PictureSize {
  int64_t height = 0, width = 0;  // pixels
  bool operator==(const PictureSize&) const = default;
};

/// Where a picture comes from: a file, its bytes, or pixels in memory. Pixels take precedence over bytes, and
/// bytes over the file. Instead of all these, it may be the features that the model's backbone gave for it
/// before; then neither transforms nor backbone run.
struct PictureSource {
  std::string path;
  std::shared_ptr<const std::string> bytes;
  std::optional<Picture> picture;
  int64_t height = 0, width = 0;  // in pixels, after rotation; 0: the header has not been read
  at::Tensor features;            // [P,D], any floating-point type and device; undefined: none
  std::string name() const { return path.empty() ? "(in memory)" : path; }
};

/// A key that is equal for equal pixels only, so that a picture that occurs twice is encoded once:
/// "HEIGHTxWIDTH-" and the SHA-256 of the pixels.
FLAM_API std::string content_key(const Picture& picture);
/// The same for features: their type, shape and the SHA-256 of their values.
FLAM_API std::string features_key(const at::Tensor& features);

/// What is wrong with a source that says nothing, or gives features and a picture as well; "" if it is valid.
FLAM_API std::string what_is_wrong(const PictureSource& source);

}  // namespace flam
