// Decoded, resized, cropped and normalised pictures against mmpretrain's: FLAM_GOLDEN_DIR/preprocess. Which
// pictures and sizes there are is read from the folder.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "framework/base/text.h"
#include "framework/component/transform.h"
#include "framework/media/decode.h"
#include "framework/testing/component.h"
#include "framework/weights/checkpoint.h"

namespace flam {
namespace {

std::filesystem::path folder() {
  const char* named = std::getenv("FLAM_GOLDEN_DIR");
  return std::filesystem::path(named ? named : FLAM_SOURCE_DIR "/tests/golden") / "preprocess";
}

/// The picture in inputs/ whose file name without suffix is `stem`.
Picture input(const std::string& stem) {
  for (const auto& entry : std::filesystem::directory_iterator(folder() / "inputs")) {
    if (entry.path().stem() == stem) return load_picture({.path = entry.path()}, {});
  }
  throw Error(cat("no picture ", quoted(stem), " in ", folder() / "inputs"));
}

/// Takes the part behind the last dot off `name`.
std::string take_suffix(std::string& name) {
  const size_t dot = name.rfind('.');
  if (dot == name.npos) throw Error(cat("the name ", quoted(name), " lacks a part"));
  const std::string suffix = name.substr(dot + 1);
  name.resize(dot);
  return suffix;
}

TEST(GoldenPreprocess, DecodesAsMmpretrain) {
  const auto expected = open_checkpoint(folder() / "decoded_mmpretrain.safetensors");
  ASSERT_FALSE(expected->names().empty());
  for (const std::string& name : expected->names()) {
    std::cout << name << "\n";
    std::string stem = name;
    ASSERT_EQ(take_suffix(stem), "mmpretrain_decoded_bgr");
    EXPECT_TRUE(input(stem).rgb.flip(2).equal(expected->tensor(name))) << name;
  }
}

TEST(GoldenPreprocess, TransformsAsMmpretrain) {
  const nlohmann::json index = nlohmann::json::parse(std::ifstream(folder() / "index.json"));
  const nlohmann::json& settings = index.at("mmpretrain");
  const auto normalize = Built<Transform>(
      cat("{type: normalize, mean: ", settings.at("mean").dump(), ", std: ", settings.at("std").dump(), "}"));
  const auto expected = open_checkpoint(folder() / "expected_mmpretrain.safetensors");
  ASSERT_FALSE(expected->names().empty());
  for (const std::string& name : expected->names()) {
    std::cout << name << "\n";
    std::string stem = name;
    const std::string kind = take_suffix(stem), size = take_suffix(stem);
    const std::string how = settings.at("interpolation");
    const auto resize =
        Built<Transform>(cat("{type: resize_edge, edge: ", size, ", interpolation: ", how, "}"));
    const auto crop = Built<Transform>(cat("{type: center_crop, size: ", size, "}"));
    const Pixels cropped = crop->apply(resize->apply({input(stem).rgb}));
    const at::Tensor want = expected->tensor(name);
    if (kind == "uint8_rgb") {
      EXPECT_TRUE(cropped.data.permute({2, 0, 1}).equal(want)) << name;
    } else {
      ASSERT_EQ(kind, "float") << name;
      const at::Tensor got = normalize->apply(cropped).data;
      ASSERT_EQ(got.sizes(), want.sizes()) << name;
      EXPECT_LE(got.sub(want).abs().max().item<float>(), 1e-6f) << name;
    }
  }
}

}  // namespace
}  // namespace flam
