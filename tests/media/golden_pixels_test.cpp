// The pictures of LLaVA-1.5, SmolVLM and Idefics3 against those that transformers 5.24 makes with Pillow 13:
// FLAM_GOLDEN_DIR/llava_tiny/pixels.* and smolvlm_tiny/pixels.*. Which pictures there are is read from the
// files.
#include <ATen/TensorOperators.h>
#include <ATen/ops/stack.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "framework/base/text.h"
#include "framework/component/transform.h"
#include "framework/media/decode.h"
#include "tests/support/component.h"

namespace flam {
namespace {

/// Pillow clips 16-bit grey pictures at 255 and converts CMYK with other formulas than OpenCV.
bool is_decoded_differently(const std::string& key) {
  return key == "05_gray16" || key == "06_cmyk";
}

class Golden {
 public:
  explicit Golden(const char* folder)
      : folder_(golden_dir() / folder),
        index(nlohmann::json::parse(std::ifstream(folder_ / "pixels.json"))),
        expected(open_checkpoint(folder_ / "pixels.safetensors")) {}

  /// The picture that the tensors NAME.uint8 are made from. Transparency is laid over white.
  at::Tensor picture(const std::string& key) const {
    for (const auto& file : index.at("files")) {
      const std::string name = file.at("key");
      if (name != key) continue;
      DecodeOptions options;
      options.orientation = DecodeOptions::Orientation::ignore;
      options.background = {255, 255, 255};
      return load_picture({.path = folder_ / file.at("file").get<std::string>()}, options).rgb;
    }
    throw Error(cat("pixels.json lists no ", quoted(key)));
  }

 private:
  std::filesystem::path folder_;

 public:
  nlohmann::json index;
  std::unique_ptr<Checkpoint> expected;
};

/// Whether `name` is KEY followed by `suffix`; then `key` is KEY.
bool take_suffix(const std::string& name, const std::string& suffix, std::string& key) {
  if (!name.ends_with(suffix)) return false;
  key = name.substr(0, name.size() - suffix.size());
  return key.find('.') == key.npos && !is_decoded_differently(key);
}

at::Tensor apply(at::Tensor picture, const std::vector<std::string>& transforms) {
  for (const std::string& transform : transforms)
    picture = Built<Transform>(transform)->apply({picture}).data;
  return picture;
}

at::Tensor channels_first(const at::Tensor& picture) {
  return picture.permute({2, 0, 1});
}

TEST(GoldenPixels, CropsAndPadsAsLlava) {
  const Golden golden("llava_tiny");
  const auto size = golden.index.at("size").get<int64_t>();
  const std::vector<std::string> crop = {cat("{type: resize_edge, edge: ", size, ", pass_order: adaptive}"),
                                         cat("{type: center_crop, size: ", size, ", offset_rounding: down}")};
  const std::vector<std::string> square = {
      cat("{type: pad_to_square, background: ", golden.index.at("background").dump(), "}"),
      cat("{type: resize, size: ", size, ", pass_order: adaptive}")};
  int compared = 0;
  for (const std::string& name : golden.expected->names()) {
    std::string key;
    const bool is_crop = take_suffix(name, ".crop.uint8", key);
    if (!is_crop && !take_suffix(name, ".square.uint8", key)) continue;
    const at::Tensor ours = channels_first(apply(golden.picture(key), is_crop ? crop : square));
    EXPECT_TRUE(ours.equal(golden.expected->tensor(name))) << name;
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

TEST(GoldenPixels, ResizesToTilesAsSmolvlm) {
  const Golden golden("smolvlm_tiny");
  const auto tile = golden.index.at("tile").get<int64_t>();
  const std::string longest = cat("{type: resize_longest_edge, pass_order: adaptive, longest_edge: ",
                                  golden.index.at("longest_edge").get<int64_t>());
  const std::string to_tile =
      cat("{type: resize, interpolation: lanczos, pass_order: adaptive, size: ", tile, "}");
  int compared = 0;
  for (const std::string& name : golden.expected->names()) {
    std::string key;
    if (take_suffix(name, ".nosplit.uint8", key)) {
      const at::Tensor ours = channels_first(apply(golden.picture(key), {longest + "}", to_tile}));
      EXPECT_TRUE(ours.equal(golden.expected->tensor(name)[0])) << name;
    } else if (take_suffix(name, ".uint8", key)) {
      const at::Tensor whole = apply(golden.picture(key), {longest + cat(", tile_size: ", tile, "}")});
      std::vector<at::Tensor> tiles;
      for (int64_t y = 0; y < whole.size(0); y += tile) {
        for (int64_t x = 0; x < whole.size(1); x += tile)
          tiles.push_back(channels_first(whole.narrow(0, y, tile).narrow(1, x, tile)));
      }
      if (tiles.size() > 1) tiles.push_back(channels_first(apply(whole, {to_tile})));  // the overview
      EXPECT_TRUE(at::stack(tiles).equal(golden.expected->tensor(name))) << name;
    } else {
      continue;
    }
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

}  // namespace
}  // namespace flam
