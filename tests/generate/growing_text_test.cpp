#include "framework/generate/growing_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace flam {
namespace {

/// Ids are bytes; whitespace at the start is dropped, as by SentencePiece. Counts the ids that it decodes.
struct Bytes {
  size_t decoded = 0;

  std::string operator()(const std::vector<int64_t>& ids) {
    decoded += ids.size();
    std::string text;
    for (const int64_t id : ids) text += static_cast<char>(id);
    return text.substr(std::min(text.size(), text.find_first_not_of(' ')));
  }
};

TEST(GrowingText, EqualsTheDecodedTextWithoutDecodingItAgain) {
  const std::string word = "a  caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\xa6\xa9     .";
  std::string whole;
  for (int i = 0; i < 100; ++i) whole += word;
  Bytes bytes;
  GrowingText growing([&](const std::vector<int64_t>& ids) { return bytes(ids); });
  std::string before;
  for (size_t i = 0; i < whole.size(); ++i) {
    growing.append(static_cast<unsigned char>(whole[i]));
    ASSERT_TRUE(growing.text().starts_with(before));
    ASSERT_TRUE(whole.starts_with(growing.text()));
    ASSERT_GE(growing.text().size() + 3, i + 1);
    before = growing.text();
  }
  EXPECT_EQ(growing.text(), whole);
  EXPECT_LT(bytes.decoded,
            50 * whole.size());  // decoding all of it for every id would take about 1,000 · whole.size()
}

TEST(GrowingText, HoldsBackUnsettledIds) {
  const auto negative = [](const std::vector<int64_t>& ids) {
    const auto last = std::find_if(ids.rbegin(), ids.rend(), [](int64_t id) { return id >= 0; });
    return static_cast<size_t>(last - ids.rbegin());
  };
  GrowingText growing([](const std::vector<int64_t>& ids) { return std::string(ids.size(), 'x'); }, negative);
  const std::vector<std::pair<int64_t, size_t>> steps = {{1, 1}, {-1, 1}, {-1, 1}, {2, 4}, {-1, 4}, {3, 6}};
  for (const auto& [id, length] : steps) {
    growing.append(id);
    EXPECT_EQ(growing.text().size(), length);
  }
}

TEST(GrowingText, HoldsBackAnIncompleteCharacter) {
  GrowingText growing([](const std::vector<int64_t>& ids) {
    return ids.size() == 3 ? "\xe2\x82\xac" : std::string("\xef\xbf\xbd");
  });
  growing.append(1);
  growing.append(2);
  EXPECT_EQ(growing.text(), "");
  growing.append(3);
  EXPECT_EQ(growing.text(), "\xe2\x82\xac");
}

}  // namespace
}  // namespace flam
