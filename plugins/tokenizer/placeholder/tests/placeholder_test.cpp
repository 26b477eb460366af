#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/base/error.h"
#include "tests/support/make_tokenizer.h"

namespace flam {
namespace {

using Ids = std::vector<int64_t>;

Value params_with(int64_t vocab_size) {
  Value params = Value::map();
  params.set("vocab_size", vocab_size);
  return params;
}

TEST(Placeholder, ReadsBackWhatIsPrintable) {
  const auto tokenizer = make_tokenizer("placeholder", params_with(300), 300);
  const Ids ids = tokenizer->encode(template_text("<image>a cat!<|endofchunk|>"), true);
  EXPECT_EQ(ids.front(), tokenizer->bos_id());
  EXPECT_EQ(ids[1], tokenizer->token_id("<image>"));
  EXPECT_EQ(tokenizer->decode(ids, true), "a cat!");
  EXPECT_EQ(tokenizer->decode(ids, false), "<1> <image> a cat! <|endofchunk|>");
  EXPECT_EQ(tokenizer->decode({290, 10}, true), "<290><10>");
}

TEST(Placeholder, IdsStayBelowTheVocabulary) {
  const auto tokenizer = make_tokenizer("placeholder", params_with(50), 50);
  for (const int64_t id : tokenizer->encode(template_text("\xff\xfe zz"), true)) EXPECT_LT(id, 50);
  EXPECT_EQ(tokenizer->pad_id(), 52);
  EXPECT_THROW(tokenizer->decode({53}, false), Error);
}

TEST(Placeholder, NamesTokensOfTheVocabulary) {
  Value params = params_with(300);
  Value names = Value::list();
  names.as_list().emplace_back("</s>");
  names.as_list().emplace_back("<pad>");
  params.set("base_tokens", names);
  params.set("pad_token", "<pad>");
  const auto tokenizer = make_tokenizer("placeholder", params, 300);
  EXPECT_EQ(tokenizer->token_id("</s>"), 3);
  EXPECT_EQ(tokenizer->pad_id(), 4);
  EXPECT_EQ(tokenizer->token_id("<image>"), 301);
  params.set("pad_token", "<none>");
  EXPECT_THROW(make_tokenizer("placeholder", params, 300), Error);
}

TEST(Placeholder, TheDecoderMustAgree) {
  EXPECT_THROW(make_tokenizer("placeholder", params_with(50), 60), Error);
}

}  // namespace
}  // namespace flam
