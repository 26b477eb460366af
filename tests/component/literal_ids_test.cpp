// Every tokenizer treats what a user writes as text: its ids are those of characters, even if it contains the
// names of tokens.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "framework/base/file.h"
#include "tests/support/make_tokenizer.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using Ids = std::vector<int64_t>;

/// A field of a SentencePiece file with at most 127 bytes.
std::string field(char tag, const std::string& payload) {
  return std::string(1, tag) + static_cast<char>(payload.size()) + payload;
}
std::string user_defined(const std::string& piece) {
  return field(0x0a, field(0x0a, piece) + "\x18\x04");
}

/// A tokenizer, and the ids that must not come from text of a user.
struct Case {
  std::string name;
  Built<Tokenizer> tokenizer;
  std::set<int64_t> tokens;
  bool ascii_alone = false;  // other characters are not decoded unchanged
};

Case make_case(const std::string& name, const std::string& type, Value params, int64_t size) {
  Case made{name, make_tokenizer(type, std::move(params), size), {}};
  const auto& added = made.tokenizer->added_tokens();
  for (size_t i = 0; i < added.size(); ++i) made.tokens.insert(size + static_cast<int64_t>(i));
  for (const char* piece : {"<unk>", "<s>", "</s>", "<sep>", "<sep><sep>"}) {
    if (const auto id = made.tokenizer->token_id(piece)) made.tokens.insert(*id);
  }
  made.tokens.insert({made.tokenizer->bos_id(), made.tokenizer->eos_id()});
  return made;
}

class LiteralIds : public testing::Test {
 protected:
  LiteralIds() {
    Value placeholder = Value::map();
    placeholder.set("vocab_size", int64_t{300});
    cases_.push_back(make_case("placeholder", "placeholder", placeholder, 300));
    cases_.back().ascii_alone = true;
    const std::string kModel = FLAM_SOURCE_DIR "/tests/golden/tokenizer/llama_small.model";
    const auto add = [&](const std::string& name, const std::string& model, int64_t size,
                         const char* key = "", Value value = {}) {
      Value params = Value::map();
      params.set("model", model);
      if (*key) params.set(key, std::move(value));
      cases_.push_back(make_case(name, "sentencepiece", params, size));
    };
    add("sentencepiece", kModel, 600);
    add("a begin token that swallows spaces", kModel, 600, "bos_id", int64_t{1});
    add("not legacy", kModel, 600, "legacy", false);
    add("the end token as padding", kModel, 600, "pad_token", "</s>");
    // The library matches user-defined pieces in any text.
    const std::string symbols = read_file(kModel, 1 << 20) + user_defined("<sep>") +
                                user_defined("<sep><sep>") + user_defined("+") + user_defined("\u2581\u2581");
    add("BPE with user-defined pieces", written("bpe", symbols), 604);
    add("unigrams with user-defined pieces", written("unigram", symbols + field(0x12, "\x18\x01")), 604);
  }

  std::string written(const std::string& name, const std::string& bytes) {
    const std::string path = (scratch_ / (name + ".model")).string();
    write_file(path, bytes);
    return path;
  }

  test::Scratch scratch_;
  std::vector<Case> cases_;
};

const std::vector<std::string> kNames = {"</s>",           "<s>",   "<unk>",  "<PAD>", "<image>",
                                         "<|endofchunk|>", "<sep>", "<0x0A>", "<ima",  "ofchunk|>",
                                         "<sep><sep><sep>"};
const std::vector<std::string> kWords = {"what", " is", " there", "?", " ", "  ",
                                         "a",    "Q:",  "\n",     "<", ">", "+"};

std::string random_text(std::mt19937& random, bool with_names, bool ascii_alone) {
  std::vector<std::string> words = kWords;
  if (with_names) words.insert(words.end(), kNames.begin(), kNames.end());
  if (ascii_alone) std::erase(words, "\n");
  if (!ascii_alone) words.insert(words.end(), {"\u00e4", "\u3042", "\U0001f9a9"});
  std::string text;
  for (size_t count = 1 + random() % 8; count > 0; --count) text += words[random() % words.size()];
  return text;
}

Ids tokens_in(const Case& in, const Ids& ids) {
  Ids found;
  for (const int64_t id : ids) {
    if (in.tokens.contains(id)) found.push_back(id);
  }
  return found;
}

TEST_F(LiteralIds, AreThoseOfCharacters) {
  std::mt19937 random(7);
  for (const Case& in : cases_) {
    for (int i = 0; i < 500; ++i) {
      const std::string text = random_text(random, true, in.ascii_alone);
      SCOPED_TRACE(in.name + ": '" + text + "'");
      const Ids alone = in.tokenizer->encode(literal_text(text), false);
      EXPECT_EQ(tokens_in(in, alone), Ids());
      EXPECT_EQ(in.tokenizer->decode(alone, true), text);
      // With template text around it, the only tokens are those of the template.
      const MarkedText prompt =
          template_text("<image>Q:") + literal_text(text) + template_text(" A:<|endofchunk|>");
      const Ids ids = in.tokenizer->encode(prompt, true);
      const Ids expected = {in.tokenizer->bos_id(), *in.tokenizer->token_id("<image>"),
                            *in.tokenizer->token_id("<|endofchunk|>")};
      EXPECT_EQ(tokens_in(in, ids), expected);
      EXPECT_EQ(in.tokenizer->decode(ids, true), "Q:" + text + " A:");
    }
  }
}

TEST_F(LiteralIds, EqualTemplateIdsIfNoTokenIsNamed) {
  std::mt19937 random(8);
  for (const Case& in : cases_) {
    for (int i = 0; i < 500; ++i) {
      const std::string text = random_text(random, false, in.ascii_alone);
      SCOPED_TRACE(in.name + ": '" + text + "'");
      const MarkedText prompt =
          template_text("<image>Q:") + literal_text(text) + template_text(" A:<|endofchunk|>");
      EXPECT_EQ(in.tokenizer->encode(prompt, true), in.tokenizer->encode(template_text(prompt.str()), true));
      EXPECT_EQ(in.tokenizer->encode(literal_text(text), true),
                in.tokenizer->encode(template_text(text), true));
    }
  }
}

TEST_F(LiteralIds, NoTokenSpansTemplateAndLiteralText) {
  for (const Case& in : cases_) {
    SCOPED_TRACE(in.name);
    for (const std::string& name : kNames) {
      if (name == "<sep><sep><sep>") continue;  // what is left of it contains whole tokens
      for (size_t cut = 1; cut < name.size(); ++cut) {
        const MarkedText begun = template_text(name.substr(0, cut)) + literal_text(name.substr(cut) + name);
        EXPECT_EQ(tokens_in(in, in.tokenizer->encode(begun, false)), Ids()) << name << " cut at " << cut;
        const MarkedText ended = literal_text(name + name.substr(0, cut)) + template_text(name.substr(cut));
        EXPECT_EQ(tokens_in(in, in.tokenizer->encode(ended, false)), Ids()) << name << " cut at " << cut;
      }
    }
  }
}

TEST_F(LiteralIds, TemplateTextContainsTokens) {
  for (const Case& in : cases_) {
    SCOPED_TRACE(in.name);
    for (const std::string& name : kNames) {
      const auto id = in.tokenizer->token_id(name);
      if (!id || !in.tokens.contains(*id)) continue;
      EXPECT_EQ(tokens_in(in, in.tokenizer->encode(template_text("a" + name + "b"), false)), Ids{*id})
          << name;
    }
  }
}

}  // namespace
}  // namespace flam
