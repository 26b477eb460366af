#include <gmock/gmock.h>

#include "framework/component/transform.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

using testing::HasSubstr;

std::string refusal(const auto& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(PadToSquare, puts_the_picture_into_the_middle_and_an_odd_row_behind_it) {
  const auto pad = Built<Transform>("{type: pad_to_square, background: [1, 2, 3]}");
  const at::Tensor wide = at::full({2, 5, 3}, 9, at::kByte);
  const at::Tensor square = pad->apply({wide}).data;
  ASSERT_EQ(square.sizes(), at::IntArrayRef({5, 5, 3}));
  const at::Tensor background = at::tensor({1, 2, 3}, at::kByte);
  for (int64_t row = 0; row < 5; ++row) {
    const bool shows_picture = row == 1 || row == 2;  // ⌊(5 − 2) / 2⌋ = 1
    EXPECT_TRUE(square[row].equal(shows_picture ? wide[0] : background.expand({5, 3}))) << row;
  }
  const at::Tensor tall = wide.transpose(0, 1).contiguous();
  EXPECT_TRUE(pad->apply({tall}).data.equal(square.transpose(0, 1)));
}

TEST(PadToSquare, leaves_a_square_as_it_is) {
  const at::Tensor square = at::full({4, 4, 3}, 9, at::kByte);
  EXPECT_TRUE(Built<Transform>("{type: pad_to_square}")->apply({square}).data.equal(square));
}

TEST(PadToSquare, has_the_mean_colour_of_clip_by_default) {
  const at::Tensor square =
      Built<Transform>("{type: pad_to_square}")->apply({at::zeros({1, 3, 3}, at::kByte)}).data;
  EXPECT_TRUE(square[0][0].equal(at::tensor({122, 116, 104}, at::kByte)));
}

TEST(PadToSquare, refuses_other_colours_and_huge_squares) {
  EXPECT_THAT(refusal([] { Built<Transform>("{type: pad_to_square, background: [0, 0]}"); }),
              HasSubstr("three integers"));
  EXPECT_THAT(refusal([] { Built<Transform>("{type: pad_to_square, background: [0, 0, 256]}"); }),
              HasSubstr("the value 256; expected 0 to 255"));
  const at::Tensor line = at::zeros({1, 20000, 3}, at::kByte);
  EXPECT_THAT(refusal([&] { Built<Transform>("{type: pad_to_square}")->apply({line}); }),
              HasSubstr("20000 x 1 pixels can't be padded to a square of side 20000"));
}

}  // namespace
}  // namespace flam
