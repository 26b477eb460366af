// If dimensions do not agree, the message names both components, both numbers, what to set, and the place in
// the config.
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/base/text.h"
#include "framework/session/session_parts.h"

namespace flam {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string error_with(std::vector<std::string> overrides, bool random_weights = true) {
  RunOptions options;
  if (random_weights) options.weights = "random";
  options.overrides = std::move(overrides);
  try {
    Session::open("flamingo_mini_caption", options);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

const char* const kPlace = "configs/_base_/models/flamingo_mini.yaml:";

TEST(Dimensions, TransformsAndBackbone) {
  EXPECT_THAT(error_with({"model.vision_backbone.image_size=100"}),
              AllOf(HasSubstr(kPlace), HasSubstr("`transforms` (resize_edge, center_crop, normalize)"),
                    HasSubstr("80×80"), HasSubstr("vision_backbone 'clip_vit' takes 100×100"),
                    HasSubstr("model.vision_backbone.image_size")));
  EXPECT_THAT(error_with({"transforms=[]"}), HasSubstr("normalize"));
}

TEST(Dimensions, PatchesAndPicture) {
  EXPECT_THAT(error_with({"model.vision_backbone.patch_size=100"}),
              AllOf(HasSubstr(kPlace), HasSubstr("vision_backbone 'clip_vit'"), HasSubstr("image_size 80"),
                    HasSubstr("patch_size 100")));
}

TEST(Dimensions, HeadsAndWidth) {
  EXPECT_THAT(error_with({"model.vision_backbone.num_heads=3"}),
              AllOf(HasSubstr(kPlace), HasSubstr("vision_backbone 'clip_vit'"), HasSubstr("hidden_size 128"),
                    HasSubstr("num_heads 3")));
  EXPECT_THAT(error_with({"model.language_decoder.num_heads=3"}),
              AllOf(HasSubstr(kPlace), HasSubstr("language_decoder 'llama'"), HasSubstr("hidden_size 128"),
                    HasSubstr("num_heads 3")));
  EXPECT_THAT(error_with({"model.language_decoder.num_key_value_heads=3"}),
              AllOf(HasSubstr(kPlace), HasSubstr("language_decoder 'llama'"), HasSubstr("num_heads 4"),
                    HasSubstr("num_key_value_heads 3")));
}

TEST(Dimensions, ResamplerAndAdapter) {
  const std::string error =
      error_with({"model.adapter={type: prefix}", "model.language_decoder.hidden_size=64"});
  EXPECT_THAT(error, AllOf(HasSubstr(kPlace), HasSubstr("adapter 'prefix' takes media tokens of width 64"),
                           HasSubstr("the hidden_size of language_decoder 'llama'"),
                           HasSubstr("resampler 'perceiver' has the fixed width 128"),
                           HasSubstr("set model.adapter.projection=linear")));
}

TEST(Dimensions, AdapterAndDecoder) {
  EXPECT_THAT(error_with({"model.adapter.cross_attn_every_n_layers=5"}),
              AllOf(HasSubstr(kPlace), HasSubstr("adapter 'gated_cross_attention'"),
                    HasSubstr("cross_attn_every_n_layers 5"), HasSubstr("4 layers"),
                    HasSubstr("model.language_decoder.num_layers")));
}

TEST(Dimensions, TokenizerAndDecoder) {
  EXPECT_THAT(error_with({"model.language_decoder.vocab_size=500"}, false),
              AllOf(HasSubstr(kPlace), HasSubstr("tokenizer 'sentencepiece'"), HasSubstr("512 pieces"),
                    HasSubstr("model.language_decoder.vocab_size is 500")));
  EXPECT_THAT(error_with({"model.tokenizer={type: placeholder, vocab_size: 300}"}),
              AllOf(HasSubstr(kPlace), HasSubstr("tokenizer 'placeholder'"), HasSubstr("vocab_size is 300"),
                    HasSubstr("model.language_decoder.vocab_size is 512")));
  EXPECT_THAT(error_with({"model.tokenizer.added_tokens=['<x>']"}),
              AllOf(HasSubstr(kPlace), HasSubstr("tokenizer 'sentencepiece'"), HasSubstr("<image>")));
}

TEST(Dimensions, ContextCountsTheMediaAmongTheTokens) {
  RunOptions options;
  options.weights = "random";
  options.overrides = {"model.adapter={type: prefix}", "model.language_decoder.max_position_embeddings=60"};
  const auto session = Session::open("flamingo_mini_caption", options);
  Prompt prompt{template_text("<image>Output:<|endofchunk|><image>Output:"), {}};
  for (int i = 0; i < 2; ++i) {
    PictureSource source;
    source.picture = Picture{at::zeros({80, 80, 3}, at::kByte)};
    prompt.media.push_back({Part::Kind::image, "", {source}});
  }
  const Prepared prepared = [&] {
    Prepared out = session->parts().prepare(std::vector<Prompt>{prompt});
    session->parts().encode_media(out);
    return out;
  }();
  const int64_t tokens = prepared.batch.ids.size(1);
  try {
    session->model().start(prepared.batch, 1, 4);
    FAIL() << "it fits";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr(cat("prompt of ", tokens, " tokens (", tokens + 2 * 31,
                                                  " positions with the media)")),
                                    HasSubstr("4 new ones"), HasSubstr("context of 60")));
  }
  EXPECT_THROW(session->model().forward(prepared.batch), Error);
}

}  // namespace
}  // namespace flam
