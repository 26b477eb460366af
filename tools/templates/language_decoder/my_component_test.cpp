#include "framework/sdk.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

const std::string kSmall =
    "{type: my_component, vocab_size: 11, hidden_size: 16, num_layers: 2, num_heads: 2}";

DecodeStep whole(int64_t length, KVCache* cache = nullptr) {
  return {at::arange(length, at::kLong).unsqueeze(0), at::ones({1, 1, length, length}, at::kBool).tril(),
          cache, nullptr};
}

at::Tensor run_all(const LanguageDecoder& decoder, const at::Tensor& ids, const DecodeStep& step) {
  return decoder.run(0, decoder.num_layers(), decoder.embed(ids), step);
}

TEST(MyComponent, ShapesOnMeta) {
  const Built<LanguageDecoder> decoder("{type: my_component}", {/*added_tokens=*/3});
  const auto meta = at::TensorOptions().device(at::kMeta);
  const DecodeStep step{at::empty({1, 5}, meta.dtype(at::kLong)),
                        at::empty({1, 1, 5, 5}, meta.dtype(at::kBool)), nullptr, nullptr};
  const at::Tensor hidden = run_all(*decoder, at::empty({1, 5}, meta.dtype(at::kLong)), step);
  EXPECT_EQ(hidden.sizes(), at::IntArrayRef({1, 5, decoder->hidden_size()}));
  EXPECT_EQ(decoder->head(hidden, nullptr).sizes(), at::IntArrayRef({1, 5, decoder->vocab_size() + 3}));
}

TEST(MyComponent, ACachedStepEqualsTheWholeSequence) {
  Built<LanguageDecoder> decoder(kSmall, {});
  decoder.fill_randomly();
  const at::Tensor ids = at::arange(6, at::kLong).unsqueeze(0);
  const at::Tensor all = run_all(*decoder, ids, whole(6));
  KVCache cache(decoder->cache_layout(), 1, 5, 1, 1, at::kFloat);
  run_all(*decoder, ids.narrow(1, 0, 5), whole(5, &cache));
  cache.begin_tail(at::ones({1, 5}, at::kBool));
  const DecodeStep step{at::full({1, 1}, 5, at::kLong), {}, &cache, nullptr};
  EXPECT_TRUE(near(run_all(*decoder, ids.narrow(1, 5, 1), step)[0][0], all[0][5]));
}

TEST(MyComponent, GradientsReachEveryWeight) {
  Built<LanguageDecoder> decoder(kSmall, {});
  decoder.fill_randomly();
  decoder.want_gradients();
  const at::Tensor hidden = run_all(*decoder, at::arange(6, at::kLong).unsqueeze(0), whole(6));
  decoder->head(hidden, nullptr).square().sum().backward();
  decoder.expect_gradients();
}

}  // namespace
}  // namespace flam
