// tests/golden/metrics/ptb.json: texts, and their tokens by pycocoevalcap 1.2 (Stanford CoreNLP 3.4.1).
#include "ptb_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "framework/base/random.h"
#include "framework/base/text.h"

namespace flam {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(PtbTokenizer, TokensAreTheReferences) {
  std::ifstream file(FLAM_SOURCE_DIR "/tests/golden/metrics/ptb.json");
  const auto cases = nlohmann::json::parse(file);
  ASSERT_GT(cases.size(), 400u);
  for (const auto& one : cases) {
    const auto text = one["text"].get<std::string>();
    EXPECT_EQ(join(ptb_tokens(text), " "), one["tokens"].get<std::string>()) << text;
  }
}

TEST(PtbTokenizer, BytesThatAreNotUtf8SeparateWords) {
  EXPECT_THAT(ptb_tokens("a\xFF"
                         "b \xC3 c\xE2\x82"),
              ElementsAre("a", "b", "c"));
  EXPECT_THAT(ptb_tokens(std::string("\0x\0", 3)), ElementsAre("x"));
  EXPECT_THAT(ptb_tokens(""), IsEmpty());
  EXPECT_THAT(ptb_tokens("\xF0\x9F\x98\x80"), IsEmpty());
}

TEST(PtbTokenizer, LineBreaksAreSpaces) {
  EXPECT_THAT(ptb_tokens("a dog\nruns\r\n"), ElementsAre("a", "dog", "runs"));
}

TEST(PtbTokenizer, TakesAnyBytes) {
  Random random(1);
  const std::vector<std::string> pieces = {
      "a",  "I",    "n't", "'",    "&amp;", "<",        ">",      "@",        ".",
      "-",  "9",    " ",   "\xC2", "\xAD",  "http://",  "www.",   "\xE2\x80", "\x98",
      "U.", "S.",   "_",   "/",    "&#39;", "(555) ",   "cannot", "=\"",      "$",
      "\n", "\xBD", ",",   ":",    "*",     "\xF0\x9F", "gonna",  "com",      "é"};
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (size_t n = random.below(12); n > 0; --n) text += random.pick(pieces);
    for (const std::string& token : ptb_tokens(text)) {
      ASSERT_FALSE(token.empty()) << printable(text);
      ASSERT_EQ(token.find(' '), std::string::npos) << printable(text);
    }
  }
}

TEST(PtbTokenizer, LongTextsWithoutSpacesTakeNoQuadraticTime) {
  for (const std::string piece : {"~.", "a@", "=\"", "<a ", "&", "a", "a.", "a-", "'", "http://", "%"}) {
    std::string text;
    while (text.size() < 20'000) text += piece;
    EXPECT_LE(ptb_tokens(text).size(), text.size());
  }
}

}  // namespace
}  // namespace flam
