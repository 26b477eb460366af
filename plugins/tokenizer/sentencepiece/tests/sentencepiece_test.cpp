#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "framework/sdk.h"
#include "model_check.h"
#include "tests/support/make_tokenizer.h"
#include "tests/support/requests.h"

namespace flam {
namespace {

using testing::HasSubstr;
using Ids = std::vector<int64_t>;

const std::string kModel = FLAM_SOURCE_DIR "/tests/golden/tokenizer/llama_small.model";

Value params_with(const std::string& key = "", Value value = {}) {
  Value params = Value::map();
  params.set("model", kModel);
  if (!key.empty()) params.set(key, std::move(value));
  return params;
}

std::string written(const std::string& bytes) {
  const std::string path = testing::TempDir() + "/flam_tokenizer.model";
  write_file(path, bytes);
  return path;
}

TEST(SentencePiece, LegacyGivesEachTextItsOwnSpace) {
  const auto legacy = make_tokenizer("sentencepiece", params_with(), 600);
  const auto later = make_tokenizer("sentencepiece", params_with("legacy", false), 600);
  const Ids dog = legacy->encode(template_text("dog"), false),
            cat = legacy->encode(template_text("cat"), false);
  EXPECT_EQ(later->encode(template_text("dog"), false), dog);
  Ids expected = dog;
  expected.push_back(601);
  expected.insert(expected.end(), cat.begin(), cat.end());
  EXPECT_EQ(legacy->encode(template_text("dog<image>cat"), false), expected);
  const Ids glued = later->encode(template_text("dog<image>cat"), false);
  EXPECT_NE(glued, expected);
  EXPECT_EQ(later->decode(Ids(glued.begin() + dog.size() + 1, glued.end()), false), "cat");
}

TEST(SentencePiece, SpacesAtAddedTokensAreKeptOnRequest) {
  const auto swallows = make_tokenizer("sentencepiece", params_with(), 600);
  const auto keeps = make_tokenizer("sentencepiece", params_with("swallow_spaces", false), 600);
  EXPECT_EQ(swallows->encode(template_text("dog \u00a0<image>\n"), false),
            swallows->encode(template_text("dog<image>"), false));
  EXPECT_GT(keeps->encode(template_text("dog <image>"), false).size(),
            keeps->encode(template_text("dog<image>"), false).size());
}

// Expected texts: tokenizers 0.23, decoders Replace, ByteFallback, Fuse and Strip.
TEST(SentencePiece, AByteFallbackDecoderReplacesAWholeRun) {
  const auto decoded = [](const Ids& ids, Value strip_left, bool skip = true) {
    Value params = params_with("decoder", "byte_fallback");
    params.set("strip_left", std::move(strip_left));
    return make_tokenizer("sentencepiece", params, 600)->decode(ids, skip);
  };
  const auto plain = make_tokenizer("sentencepiece", params_with(), 600);
  const auto byte = [](int value) { return int64_t{3 + value}; };
  const int64_t dog = plain->encode(template_text("dog"), false).front();
  ASSERT_EQ(plain->token_id("<0xC3>"), byte(0xc3));
  const Ids ids = {byte(0xc3), byte(0xa9), byte('A'), dog, byte(0xc3), byte(0xa9), byte(0xff)};
  const std::string piece = plain->decode({byte('.'), dog}, false).substr(1);
  EXPECT_EQ(decoded(ids, true), "\u00e9A" + piece + "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(plain->decode(ids, true), "\u00e9A" + piece + "\u00e9\uFFFD");
  EXPECT_EQ(decoded({dog}, false), piece);
  EXPECT_EQ(decoded({dog}, true), plain->decode({dog}, true));
  // Special tokens are left out first, so that the bytes around them are one run.
  EXPECT_EQ(decoded({byte(0xc3), 2, 601, byte(0xa9)}, true), "\u00e9");
  EXPECT_EQ(decoded({byte(0xc3), 2, 601, byte('A')}, true, false), "\uFFFD</s><image>A");
  EXPECT_THAT(test::error_of([&] { decoded({700}, true); }), HasSubstr("can't decode id 700"));
}

TEST(SentencePiece, UnsettledIdsAreTheLastRunOfBytes) {
  const auto count = [](const char* decoder, const Ids& ids) {
    return make_tokenizer("sentencepiece", params_with("decoder", decoder), 600)->unsettled_ids(ids);
  };
  EXPECT_EQ(count("byte_fallback", {}), 0u);
  EXPECT_EQ(count("byte_fallback", {10, 400}), 0u);
  EXPECT_EQ(count("byte_fallback", {10, 400, 2}), 0u);
  EXPECT_EQ(count("byte_fallback", {400, 10, 11}), 2u);
  EXPECT_EQ(count("byte_fallback", {400, 10, 2, 601, 11, 2}), 5u);
  EXPECT_EQ(count("byte_fallback", {10, 650}), 2u);  // a row of the embedding without a token
  EXPECT_EQ(count("sentencepiece", {400, 10, 11}), 0u);
}

TEST(SentencePiece, TheBeginTokenIsOptional) {
  const auto without = make_tokenizer("sentencepiece", params_with("prepend_bos", false), 600);
  EXPECT_EQ(without->encode(template_text("<image>"), true), Ids{601});
  EXPECT_EQ(without->bos_id(), 1);
}

TEST(SentencePiece, ManyThreadsGiveTheSame) {
  const auto tokenizer = make_tokenizer("sentencepiece", params_with(), 600);
  const std::string text = "<image>Question:Is it raining? Short Answer:no<|endofchunk|>";
  const Ids expected = tokenizer->encode(template_text(text), true);
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i)
        wrong += tokenizer->encode(template_text(text), true) != expected ||
                 tokenizer->decode(expected, true).empty();
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

TEST(SentencePiece, SaysWhatDoesNotFit) {
  EXPECT_THAT(
      error_of([] { make_tokenizer("sentencepiece", params_with(), 32000); }),
      testing::AllOf(HasSubstr("600 pieces"), HasSubstr("model.language_decoder.vocab_size is 32000")));
  EXPECT_THAT(
      error_of([] { make_tokenizer("sentencepiece", params_with("model", "/nowhere/x.model"), 600); }),
      HasSubstr("/nowhere/x.model"));
  EXPECT_THAT(error_of([] { make_tokenizer("sentencepiece", params_with("bos_id", 600), 600); }),
              HasSubstr("begin token 600"));
  EXPECT_THAT(error_of([] { make_tokenizer("sentencepiece", params_with("pad_token", "<none>"), 600); }),
              HasSubstr("'<none>'"));
  const Value twice(Value::List{"<image>", "<image>"});
  EXPECT_THAT(error_of([&] { make_tokenizer("sentencepiece", params_with("added_tokens", twice), 600); }),
              HasSubstr("'<image>'"));
  const Value known(Value::List{"<image>", "<PAD>", "</s>"});
  EXPECT_THAT(error_of([&] { make_tokenizer("sentencepiece", params_with("added_tokens", known), 600); }),
              HasSubstr("'</s>'"));
  const auto tokenizer = make_tokenizer("sentencepiece", params_with(), 600);
  EXPECT_THAT(error_of([&] { tokenizer->decode({603}, false); }), HasSubstr("603"));
  EXPECT_THAT(error_of([&] { tokenizer->decode({-1}, false); }), HasSubstr("-1"));
  EXPECT_EQ(tokenizer->token_id("no such piece"), std::nullopt);
  EXPECT_EQ(tokenizer->token_id("<unk>"), 0);
}

TEST(SentencePiece, AnyBytesAreEncoded) {
  const auto tokenizer = make_tokenizer("sentencepiece", params_with(), 600);
  for (const std::string& text :
       {std::string("\0a\0", 3), std::string("\xff\xfe<image>\xf0\x9f"), std::string(100000, ' ')}) {
    for (const int64_t id : tokenizer->encode(template_text(text), true)) EXPECT_LT(id, 603);
  }
}

TEST(ModelCheck, EveryTruncationIsRefusedOrWhole) {
  const std::string bytes = read_file(kModel, 1 << 20);
  EXPECT_EQ(check_model(bytes, "x").pieces, 600);
  int64_t refused = 0;
  for (size_t n = 0; n < bytes.size(); ++n) {
    try {
      check_model(std::string_view(bytes).substr(0, n), "x");
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, static_cast<int64_t>(bytes.size()) / 2);
}

std::string field(char tag, const std::string& payload) {
  std::string out(1, tag);
  size_t n = payload.size();
  for (; n >= 0x80; n >>= 7) out += static_cast<char>(n | 0x80);
  return out + static_cast<char>(n) + payload;
}

std::string charsmap(uint32_t root, const std::string& texts) {
  std::vector<uint32_t> trie(256, 0);
  trie[0] = root;
  const uint32_t bytes = 1024;
  std::string out(reinterpret_cast<const char*>(&bytes), 4);
  out.append(reinterpret_cast<const char*>(trie.data()), bytes);
  return out + texts;
}

TEST(ModelCheck, RefusesWhatWouldCrashTheLibrary) {
  const std::string bytes = read_file(kModel, 1 << 20);
  const auto message = [&](const std::string& more) {
    return error_of([&] { check_model(bytes + more, "x"); });
  };
  EXPECT_EQ(message(field(0x1a, field(0x12, charsmap(0, std::string(1, '\0'))))), "");
  EXPECT_THAT(message(field(0x0a, field(0x0a, std::string(200000, 'a')))), HasSubstr("200000 bytes long"));
  EXPECT_THAT(message(field(0x1a, field(0x12, charsmap(0xfffffc00, std::string(1, '\0'))))),
              HasSubstr("points outside itself"));
  EXPECT_THAT(message(field(0x1a, field(0x12, charsmap(0x100, std::string(1, '\0'))))),
              HasSubstr("outside its texts"));
  EXPECT_THAT(message(field(0x1a, field(0x12, charsmap(0, "a")))), HasSubstr("do not end with NUL"));
  EXPECT_THAT(message(field(0x1a, field(0x12, "abc"))), HasSubstr("shorter than its header"));
  EXPECT_THAT(message(field(0x0a, std::string("\x15\x00\x00\xc0\x7f", 5))), HasSubstr("score of piece 600"));
  EXPECT_THAT(
      error_of([] { make_tokenizer("sentencepiece", params_with("model", written("not a model")), 600); }),
      HasSubstr("is not a usable SentencePiece file"));
  EXPECT_THAT(error_of([] { make_tokenizer("sentencepiece", params_with("model", written("")), 600); }),
              HasSubstr("no pieces"));
}

TEST(ModelCheck, RefusesMorePlacesThanTheLibraryHasRoomFor) {
  const std::string bytes = read_file(kModel, 1 << 20);
  const auto with_symbols = [&](size_t count) {
    std::string more;
    for (size_t n = 1; n <= count; ++n)
      more += field(0x0a, field(0x0a, std::string(n, 'z')) + std::string("\x18\x04", 2));
    return error_of([&] { check_model(bytes + more, "x"); });
  };
  EXPECT_EQ(with_symbols(64), "");
  EXPECT_THAT(with_symbols(65), HasSubstr("more than 64 user-defined pieces begin with one another"));
  // The library takes these for user-defined too: the type beyond 32 bits, and followed by an unknown one.
  for (const std::string& type : {std::string("\x18\x84\x80\x80\x80\x10"), std::string("\x18\x04\x18\x63")}) {
    std::string more;
    for (size_t n = 1; n <= 65; ++n) more += field(0x0a, field(0x0a, std::string(n, 'z')) + type);
    EXPECT_THAT(error_of([&] { check_model(bytes + more, "x"); }), HasSubstr("more than 64 user-defined"));
  }
  EXPECT_THAT(error_of([&] { check_model(bytes + "\x8a\x80\x80\x80\x10", "x"); }),
              HasSubstr("a number beyond 32 bits"));

  // A unit whose child by the label 'z' is itself, with a leaf.
  std::vector<uint32_t> trie(512, 0);
  trie[0] = 256u << 10;                           // children from unit 256 on
  trie[256 ^ 'z'] = 'z' | 1u << 8 | ('z' << 10);  // offset 'z': base 256
  trie[256] = 1u << 31;                           // the leaf: the text at 0
  const uint32_t size = 2048;
  std::string table(reinterpret_cast<const char*>(&size), 4);
  table.append(reinterpret_cast<const char*>(trie.data()), size);
  const auto with_table = [&](const std::string& texts) {
    return error_of([&] { check_model(bytes + field(0x1a, field(0x12, table + texts)), "x"); });
  };
  EXPECT_THAT(with_table(std::string("a\0", 2)), HasSubstr("contains a cycle"));
  EXPECT_THAT(with_table(std::string(65, 'q') + '\0'), HasSubstr("has more than 64 bytes"));
  trie[256] = 1u << 8;  // its own child by the label 0, with a leaf: itself, the text at 256
  table.replace(4, size, reinterpret_cast<const char*>(trie.data()), size);
  EXPECT_THAT(with_table(std::string(300, '\0')), HasSubstr("contains a cycle"));
}

// Blocks of units, each with one child by the label 1 in the next block, all but the first with a leaf.
TEST(ModelCheck, CountsTheRulesOnOnePath) {
  const std::string bytes = read_file(kModel, 1 << 20);
  const auto with_rules = [&](uint32_t count) {
    std::vector<uint32_t> trie(256 * (size_t{count} + 2), 0);
    uint32_t at = 0;
    for (uint32_t block = 1; block <= count + 1; ++block) {
      const uint32_t base = 256 * block;
      trie[at] = (at ^ base) << 10 | (at == 0 ? 0u : 1u << 8 | 1u);
      trie[base] = 1u << 31;  // the leaf: the text at 0
      at = base ^ 1u;
    }
    const uint32_t size = static_cast<uint32_t>(trie.size() * sizeof(uint32_t));
    std::string table(reinterpret_cast<const char*>(&size), sizeof size);
    table.append(reinterpret_cast<const char*>(trie.data()), size);
    table += std::string("a\0", 2);
    return error_of([&] { check_model(bytes + field(0x1a, field(0x12, table)), "x"); });
  };
  EXPECT_EQ(with_rules(32), "");
  EXPECT_THAT(with_rules(33), HasSubstr("more than 32 rules"));
}

// The library would run a self-test when loading, and print what the file says.
TEST(ModelCheck, TheSelfTestIsLeftOut) {
  const std::string bytes = read_file(kModel, 1 << 20);
  const std::string sample = field(0x0a, field(0x0a, "\x1b[31m") + field(0x12, "x"));
  EXPECT_EQ(check_model(bytes + field(0x22, sample), "x").usable, check_model(bytes, "x").usable);
  EXPECT_THAT(check_model(bytes + field(0x22, sample), "x").usable, testing::Not(HasSubstr("\x1b[31m")));
}

TEST(SentencePiece, ATextWithoutEndIsRefused) {
  const auto tokenizer = make_tokenizer("sentencepiece", params_with(), 600);
  EXPECT_THAT(error_of([&] { tokenizer->encode(template_text(std::string(2 << 20, 'a')), true); }),
              HasSubstr("a text of 2097152 bytes; at most 1048576 are taken"));
}

// Files that differ from a good one in a byte load or are refused; none takes the process down.
TEST(ModelCheck, AChangedByteIsNoCrash) {
  const std::string bytes = read_file(kModel, 1 << 20);
  for (size_t at = 0; at < bytes.size(); at += 37) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0x55);
    error_of([&] {
      const auto tokenizer = make_tokenizer("sentencepiece", params_with("model", written(changed)), 600);
      tokenizer->decode(tokenizer->encode(template_text("<image>a text"), true), true);
    });
  }
}

}  // namespace
}  // namespace flam
