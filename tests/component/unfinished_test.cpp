#include "framework/component/unfinished.h"

#include <gtest/gtest.h>

namespace flam {
namespace {

TEST(Unfinished, FindsAnIncompleteWord) {
  EXPECT_EQ(unfinished_word("a cat. Que", {"Question:", "."}), 3u);
  EXPECT_EQ(unfinished_word("a cat", {"Question:"}), 0u);
  EXPECT_EQ(unfinished_word("aab", {"abc", "aabd"}), 3u);  // the longest
  EXPECT_EQ(unfinished_word("stop", {"stop"}), 0u);        // it is complete
  EXPECT_EQ(unfinished_word("ststo", {"stop", "o!"}), 3u);
  EXPECT_EQ(unfinished_word("", {"stop"}), 0u);
  EXPECT_EQ(unfinished_word("text", {}), 0u);
}

TEST(Unfinished, FindsAnIncompleteCharacter) {
  const std::string euro = "\xe2\x82\xac", bird = "\xf0\x9f\xa6\xa9", unknown = "\xef\xbf\xbd";
  EXPECT_EQ(unfinished_character("a"), 0u);
  EXPECT_EQ(unfinished_character("a" + euro), 0u);
  EXPECT_EQ(unfinished_character("a" + euro.substr(0, 1)), 1u);
  EXPECT_EQ(unfinished_character("a" + euro.substr(0, 2)), 2u);
  EXPECT_EQ(unfinished_character(bird), 0u);
  EXPECT_EQ(unfinished_character(bird.substr(0, 3)), 3u);
  EXPECT_EQ(unfinished_character("a" + unknown + unknown), 6u);
  EXPECT_EQ(unfinished_character("a" + unknown + "b"), 0u);
  EXPECT_EQ(unfinished_character("\x82\x82\x82\x82"), 0u);  // never a character
}

}  // namespace
}  // namespace flam
