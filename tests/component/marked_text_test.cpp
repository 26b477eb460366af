// Marked text keeps the positions of literal text, in which added tokens are not read.
#include <gtest/gtest.h>

#include "framework/component/added_tokens.h"
#include "framework/component/types.h"

namespace flam {
namespace {

using Ranges = std::vector<MarkedText::Range>;

TEST(MarkedText, KnowsWhichOfItsBytesAreLiteral) {
  MarkedText text =
      template_text("<image>Q:") + literal_text("a") + literal_text("bc") + template_text(" A:");
  text += literal_text("");
  text += literal_text("yes");
  EXPECT_EQ(text.str(), "<image>Q:abc A:yes");
  EXPECT_EQ(text.literal(), (Ranges{{9, 12}, {15, 18}}));
  EXPECT_FALSE(text.touches_literal(0, 9));
  EXPECT_TRUE(text.touches_literal(0, 10));
  EXPECT_TRUE(text.touches_literal(11, 12));
  EXPECT_FALSE(text.touches_literal(12, 15));
  EXPECT_FALSE(text.touches_literal(18, 20));
  text += text;
  EXPECT_EQ(text.literal(), (Ranges{{9, 12}, {15, 18}, {27, 30}, {33, 36}}));
}

TEST(MarkedText, ASliceKeepsItsMarks) {
  const MarkedText text = template_text("ab") + literal_text("cdef") + template_text("gh");
  EXPECT_EQ(text.slice(0, 8), text);
  EXPECT_EQ(text.slice(1, 4), template_text("b") + literal_text("cd"));
  EXPECT_EQ(text.slice(3, 5), literal_text("de"));
  EXPECT_EQ(text.slice(6, 8), template_text("gh"));
  EXPECT_EQ(text.slice(4, 4), MarkedText());
}

TEST(MarkedText, FindsTokensInTemplateTextOnly) {
  const MarkedText text = template_text("<i><i") + literal_text("><i>") + template_text("<i>");
  EXPECT_EQ(text.str(), "<i><i><i><i>");
  EXPECT_EQ(text.find_all("<i>"), (std::vector<size_t>{0, 9}));
}

TEST(Prompt, WithoutMediaKeepsLiteralMarkers) {
  const Part picture{Part::Kind::image, "", {PictureSource{"a.png"}}};
  const Prompt prompt{template_text("<i>Q:") + literal_text("<i>?") + template_text("<i>A:"),
                      {picture, picture}};
  const Prompt one = without_media(prompt, "<i>", 1);
  EXPECT_EQ(one.text, template_text("<i>Q:") + literal_text("<i>?") + template_text("A:"));
  EXPECT_EQ(one.media.size(), 1u);
  const Prompt none = without_media(prompt, "<i>");
  EXPECT_EQ(none.text, template_text("Q:") + literal_text("<i>?") + template_text("A:"));
  EXPECT_TRUE(none.media.empty());
}

/// The segments that the tokenizer encodes, and the ids of the added tokens between them (from 1000 on).
std::vector<std::string> segments(const AddedTokens& added, const MarkedText& text) {
  std::vector<std::string> out;
  std::vector<int64_t> ids;
  added.encode(
      text,
      [&](const MarkedText& segment, bool, std::vector<int64_t>& to) {
        to.push_back(static_cast<int64_t>(out.size()));
        out.push_back(segment.str());
      },
      ids);
  std::vector<std::string> shown;
  for (const int64_t id : ids) shown.push_back(id < 1000 ? out[id] : std::to_string(id));
  return shown;
}

TEST(AddedTokens, LiteralRangesDoNotSplitTheText) {
  const AddedTokens added({"<i>", "<end>"}, 1000, true);
  const MarkedText text = template_text("<i> Q:") + literal_text("a <i> b<end>") + template_text(" A:<end>");
  EXPECT_EQ(segments(added, text), (std::vector<std::string>{"1000", "Q:a <i> b<end> A:", "1001"}));
}

TEST(AddedTokens, NoTokenSpansTemplateAndLiteralText) {
  const AddedTokens added({"<i>", "<i>!"}, 1000, false);
  using Shown = std::vector<std::string>;
  EXPECT_EQ(segments(added, template_text("<i") + literal_text(">")), (Shown{"<i>"}));
  EXPECT_EQ(segments(added, literal_text("<") + template_text("i>")), (Shown{"<i>"}));
  EXPECT_EQ(segments(added, template_text("<i>") + literal_text("!")),
            (Shown{"1000", "!"}));  // not the longer token
  EXPECT_EQ(segments(added, template_text("<i>!") + literal_text("!")), (Shown{"1001", "!"}));
  EXPECT_EQ(segments(added, literal_text("<i>")), (Shown{"<i>"}));
}

TEST(AddedTokens, SegmentsKeepTheirMarks) {
  const AddedTokens added({"<i>"}, 1000, true);
  std::vector<int64_t> ids;
  std::vector<MarkedText> seen;
  added.encode(
      template_text("<i> Q:") + literal_text("<i>") + template_text("<i>"),
      [&](const MarkedText& segment, bool, std::vector<int64_t>&) { seen.push_back(segment); }, ids);
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0], template_text("Q:") + literal_text("<i>"));
}

}  // namespace
}  // namespace flam
