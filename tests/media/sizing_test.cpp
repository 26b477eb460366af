// The sizes of pictures that are cut into tiles, against transformers 5.24 (FLAM_GOLDEN_DIR/smolvlm_tiny).
#include "framework/media/sizing.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "framework/base/error.h"

namespace flam {
namespace {

TEST(GoldenSizing, EqualsTransformers) {
  const char* named = std::getenv("FLAM_GOLDEN_DIR");
  const auto file =
      std::filesystem::path(named ? named : FLAM_SOURCE_DIR "/tests/golden") / "smolvlm_tiny" / "sizes.json";
  const nlohmann::json cases = nlohmann::json::parse(std::ifstream(file)).at("cases");
  ASSERT_FALSE(cases.empty());
  for (const auto& c : cases) {  // width, height, longest edge, tile, sizes after both steps, rows, columns
    const std::vector<int64_t> n = c;
    const PictureSize first = fit_longest_edge({n[1], n[0]}, n[2]), second = round_up_to_tiles(first, n[3]);
    EXPECT_EQ(first, (PictureSize{n[5], n[4]})) << c;
    EXPECT_EQ(second, (PictureSize{n[7], n[6]})) << c;
  }
}

TEST(Sizing, KeepsAtLeastOnePixelAndTheLimit) {
  EXPECT_EQ(fit_longest_edge({1, 1000}, 100), (PictureSize{1, 100}));
  EXPECT_EQ(fit_longest_edge({1000, 1}, 100), (PictureSize{100, 1}));
  EXPECT_EQ(fit_longest_edge({1, 3}, 5), (PictureSize{2, 5}));  // 1.67, truncated to 1, made even
  EXPECT_EQ(fit_longest_edge({10, 20}, 8000), (PictureSize{2048, 4096}));
  EXPECT_EQ(fit_longest_edge({10, 20}, 8000, 100), (PictureSize{50, 100}));
  EXPECT_EQ(round_up_to_tiles({1, 100}, 32), (PictureSize{32, 128}));
}

TEST(Sizing, RefusesNumbersBelowOne) {
  EXPECT_THROW(fit_longest_edge({0, 5}, 10), Error);
  EXPECT_THROW(fit_longest_edge({5, 5}, 0), Error);
  EXPECT_THROW(round_up_to_tiles({5, 5}, 0), Error);
}

}  // namespace
}  // namespace flam
