#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <thread>

#include "framework/generate/growing_text.h"
#include "framework/sdk.h"
#include "tests/support/make_tokenizer.h"

namespace flam {
namespace {

using Ids = std::vector<int64_t>;

const std::string kFolder = FLAM_SOURCE_DIR "/tests/golden/bpe/";

Built<Tokenizer> gpt2(const std::string& key = "", Value value = {}) {
  Value params = Value::map();
  params.set("model", kFolder + "gpt2/tokenizer.json");
  if (!key.empty()) params.set(key, std::move(value));
  return make_tokenizer("byte_bpe", params, 700);
}

Built<Tokenizer> llama3() {
  Value params = Value::map();
  params.set("model", kFolder + "llama3/tokenizer.json");
  params.set("added_tokens", Value(Value::List{"<|image|>"}));
  params.set("image_token", "<|image|>");
  params.set("eos_token", "<|eot_id|>");
  params.set("pad_token", "<|end_of_text|>");
  return make_tokenizer("byte_bpe", params, 785);
}

std::string random_text(std::mt19937& random) {
  static const std::vector<std::pair<char32_t, char32_t>> kRanges = {
      {0x20, 0x7e},    {0, 0x1f},        {0x80, 0x24f},      {0x300, 0x36f},
      {0x370, 0xd7ff}, {0xe000, 0xffff}, {0x10000, 0x10ffff}};
  std::string text;
  for (size_t count = random() % 24; count > 0; --count) {
    const auto& [first, last] = kRanges[random() % 2 ? 0 : random() % kRanges.size()];
    const char32_t c = first + random() % (last - first + 1);
    if (c < 0x80) {
      text += static_cast<char>(c);
      continue;
    }
    const int behind = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    constexpr int kLead[] = {0, 0xc0, 0xe0, 0xf0};
    text += static_cast<char>(kLead[behind] | static_cast<int>(c >> 6 * behind));
    for (int i = behind - 1; i >= 0; --i) text += static_cast<char>(0x80 | (c >> 6 * i & 0x3f));
  }
  return text;
}

TEST(ByteBpe, DecodesWhatItEncoded) {
  const auto one = gpt2(), other = llama3();
  std::mt19937 random(1);
  for (int i = 0; i < 10'000; ++i) {
    const auto& bpe = i % 2 ? one : other;
    const std::string text = random_text(random);
    const Ids ids = bpe->encode(literal_text(text), false);
    ASSERT_EQ(bpe->decode(ids, false), text) << quoted(text);
    ASSERT_EQ(bpe->encode(template_text(text), false), ids) << quoted(text);
  }
}

TEST(ByteBpe, TextGrowsIdById) {
  const auto bpe = gpt2();
  std::mt19937 random(2);
  for (int i = 0; i < 1'000; ++i) {
    const std::string text = random_text(random) + '.';
    GrowingText growing([&](const Ids& ids) { return bpe->decode(ids, true); });
    for (const int64_t id : bpe->encode(literal_text(text), false)) {
      growing.append(id);
      ASSERT_TRUE(text.starts_with(growing.text())) << quoted(text);
    }
    ASSERT_EQ(growing.text(), text);
  }
}

TEST(ByteBpe, KeepsBytesThatAreNotUtf8) {
  const auto bpe = gpt2();
  EXPECT_EQ(bpe->decode(bpe->encode(literal_text("a\xff\xe2\x82z\xf0\x9f"), false), false),
            "a\uFFFD\uFFFDz\uFFFD");
}

TEST(ByteBpe, SpellsTokensOutInLiteralText) {
  const auto bpe = llama3();
  for (const std::string name : {"<|eot_id|>", "<|image|>", "<|begin_of_text|>"}) {
    const int64_t id = bpe->token_id(name).value();
    EXPECT_EQ(bpe->encode(template_text(name), false), Ids{id});
    const Ids spelled = bpe->encode(literal_text(name), false);
    EXPECT_THAT(spelled, testing::Each(testing::Lt(780)));
    EXPECT_EQ(bpe->decode(spelled, true), name);
    const Ids cut = bpe->encode(template_text(name.substr(0, 3)) + literal_text(name.substr(3)), false);
    EXPECT_EQ(cut, spelled);
  }
}

TEST(ByteBpe, PutsTheBeginTokenInFrontAsTheFileSays) {
  EXPECT_EQ(llama3()->encode(template_text(""), true), Ids{780});
  EXPECT_EQ(gpt2()->encode(template_text(""), true), Ids());
  EXPECT_EQ(gpt2("prepend_bos", "always")->encode(template_text(""), true), Ids{0});
}

TEST(ByteBpe, ComposesTemplateAndLiteralTextTogether) {
  Value params = Value::map();
  params.set("model", kFolder + "qwen2/tokenizer.json");
  params.set("added_tokens", Value(Value::List{"<|image_pad|>", "<|vision_end|>"}));
  params.set("image_token", "<|image_pad|>");
  const auto bpe = make_tokenizer("byte_bpe", params, 824);
  const Ids composed = bpe->encode(template_text("caf\u00e9 <|image_pad|>"), false);
  EXPECT_EQ(
      bpe->encode(template_text("cafe") + literal_text("\u0301") + template_text(" <|image_pad|>"), false),
      composed);
  EXPECT_EQ(composed.back(), 824);
}

TEST(ByteBpe, LongPiecesAreMergedAsShortOnes) {
  // Letters between apostrophes and spaces repeat, so the ids of a long word repeat as well.
  const auto bpe = gpt2();
  const std::string word(2000, 'x');
  const Ids ids = bpe->encode(literal_text(word), false);
  const Ids few = bpe->encode(literal_text(std::string(40, 'x')), false);
  EXPECT_EQ(std::set<int64_t>(ids.begin(), ids.end()), std::set<int64_t>(few.begin(), few.end()));
  EXPECT_EQ(ids.size(), few.size() * 50);
  EXPECT_EQ(bpe->decode(ids, false), word);
}

TEST(ByteBpe, ManyThreadsGiveTheSame) {
  const auto bpe = llama3();
  const std::string text = "<|image|>Question: Is it raining? 12345 \u65e5\u672c\u8a9e Answer:";
  const Ids expected = bpe->encode(template_text(text), true);
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) wrong += bpe->encode(template_text(text), true) != expected;
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace flam
