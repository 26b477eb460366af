#include "framework/sdk.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

const Tokenizer::Input kInput{/*vocab_size=*/300};

TEST(MyComponent, ReadsBackWhatItWrites) {
  Built<Tokenizer> tokenizer("{type: my_component}", kInput);
  tokenizer->load("");
  const auto ids = tokenizer->encode(template_text("<image>a cat!<|endofchunk|>"), true);
  EXPECT_EQ(ids.front(), tokenizer->bos_id());
  EXPECT_EQ(ids[1], tokenizer->token_id("<image>"));
  EXPECT_EQ(tokenizer->decode(ids, true), "a cat!");
}

TEST(MyComponent, WhatAUserWritesIsText) {
  Built<Tokenizer> tokenizer("{type: my_component}", kInput);
  tokenizer->load("");
  const auto ids = tokenizer->encode(literal_text("an <image>"), false);
  EXPECT_EQ(ids.size(), 10u);
  EXPECT_EQ(tokenizer->decode(ids, true), "an <image>");
}

TEST(MyComponent, AddedTokensLieBehindTheVocabulary) {
  const Built<Tokenizer> tokenizer("{type: my_component}", kInput);
  const auto& added = tokenizer->added_tokens();
  for (size_t i = 0; i < added.size(); ++i)
    EXPECT_EQ(tokenizer->token_id(added[i]), 300 + static_cast<int64_t>(i));
}

TEST(MyComponent, NeedsRoomForEveryByte) {
  EXPECT_THROW(Built<Tokenizer>("{type: my_component}", {/*vocab_size=*/100}), Error);
}

}  // namespace
}  // namespace flam
