#include "framework/nn/kv_cache.h"

#include <limits>

#include "framework/base/error.h"
#include "framework/device/meta_kernels.h"
#include "framework/nn/attention.h"
#include "framework/testing/near.h"

namespace flam {
namespace {

constexpr int64_t kBatch = 2, kBeams = 3, kHeads = 2, kGroup = 2, kPrompt = 5, kRoom = 6, kWidth = 8;
constexpr int64_t kRows = kBatch * kBeams;

at::Tensor keys(int64_t rows, int64_t length, uint64_t seed) {
  return random({rows, kHeads, length, kWidth}, seed);
}

/// Two prompts, the second with two padding tokens on the left.
at::Tensor prompt_mask() {
  at::Tensor mask = at::ones({kBatch, kPrompt}, at::kBool);
  mask[1].narrow(0, 0, 2).fill_(false);
  return mask;
}

class KVCacheTest : public ::testing::Test {
 protected:
  KVCacheTest() : cache({1, kHeads, kWidth}, kBatch, kPrompt, kBeams, kRoom, at::kFloat) {
    cache.append(0, prompt_key, prompt_value);
    cache.begin_tail(prompt_mask());
  }

  /// The expected result of attend_cached(): attention with a copy of the prompt for every row.
  at::Tensor expected(const at::Tensor& q, const at::Tensor& tail_key, const at::Tensor& tail_value) {
    const int64_t length = q.size(2), tail = tail_key.size(2);
    const at::Tensor k = at::cat({prompt_key.repeat_interleave(kBeams, 0), tail_key}, 2);
    const at::Tensor v = at::cat({prompt_value.repeat_interleave(kBeams, 0), tail_value}, 2);
    const at::Tensor on_prompt = prompt_mask()
                                     .repeat_interleave(kBeams, 0)
                                     .view({kRows, 1, 1, kPrompt})
                                     .expand({kRows, 1, length, kPrompt});
    const at::Tensor on_tail =
        at::ones({length, tail}, at::kBool).tril(tail - length).expand({kRows, 1, length, tail});
    return attend(q, k, v, at::cat({on_prompt, on_tail}, 3));
  }

  at::Tensor prompt_key = keys(kBatch, kPrompt, 1), prompt_value = keys(kBatch, kPrompt, 2);
  KVCache cache;
};

TEST_F(KVCacheTest, beams_share_the_prompt_and_steps_of_any_length_equal_full_attention) {
  const at::Tensor tail_key = keys(kRows, kRoom, 3), tail_value = keys(kRows, kRoom, 4);
  int64_t done = 0;
  for (const int64_t length : {1, 1, 3, 1}) {
    const at::Tensor q = random({kRows, kHeads * kGroup, length, kWidth}, 10 + done);
    const auto kv = cache.append(0, tail_key.narrow(2, done, length), tail_value.narrow(2, done, length));
    const at::Tensor out = attend_cached(q, kv, cache);
    done += length;
    EXPECT_TRUE(near(out, expected(q, tail_key.narrow(2, 0, done), tail_value.narrow(2, 0, done)))) << done;
    cache.advance(length);
    EXPECT_EQ(cache.tail_length(), done);
  }
}

TEST_F(KVCacheTest, reorder_moves_only_generated_tokens) {
  const at::Tensor first = keys(kRows, 1, 3), second = keys(kRows, 1, 4);
  cache.append(0, first, first);
  cache.advance();
  const at::Tensor source = at::tensor({1, 1, 0, 5, 3, 4}, at::kLong);
  cache.reorder(source);
  const auto kv = cache.append(0, second, second);
  EXPECT_TRUE(at::equal(kv.tail_key, at::cat({first.index_select(0, source), second}, 2)));
  EXPECT_TRUE(at::equal(kv.prompt_key, prompt_key));
}

TEST_F(KVCacheTest, a_fixed_tail_gives_the_same_as_a_growing_one) {
  KVCache fixed({1, kHeads, kWidth}, kBatch, kPrompt, kBeams, kRoom, at::kFloat, KVCache::Tail::fixed);
  fixed.append(0, prompt_key, prompt_value);
  fixed.begin_tail(prompt_mask());
  for (int64_t done = 0; done < kRoom; ++done) {
    const at::Tensor q = random({kRows, kHeads * kGroup, 1, kWidth}, 10 + done);
    const at::Tensor k = keys(kRows, 1, 20 + done), v = keys(kRows, 1, 30 + done);
    const auto segments = fixed.append(0, k, v);
    EXPECT_EQ(segments.tail_key.size(2), kRoom);
    EXPECT_TRUE(near(attend_cached(q, segments, fixed), attend_cached(q, cache.append(0, k, v), cache)))
        << done;
    const at::Tensor source =
        at::randint(0, kBeams, {kRows}, at::kLong) + at::arange(kRows).div(kBeams, "floor") * kBeams;
    for (KVCache* each : {&cache, &fixed}) {
      each->advance();
      each->reorder(source);
    }
  }
  EXPECT_THROW(fixed.append(0, keys(kRows, 1, 3), keys(kRows, 1, 3)), RunError);
}

TEST(KVCache, one_row_per_prompt_attends_to_both_segments_as_one) {
  for (const auto tail : {KVCache::Tail::growing, KVCache::Tail::fixed}) {
    KVCache one({2, kHeads, kWidth}, kBatch, kPrompt, 1, kRoom, at::kFloat, tail);
    const at::Tensor key = keys(kBatch, kPrompt, 1), value = keys(kBatch, kPrompt, 2);
    for (const int64_t layer : {0, 1}) one.append(layer, key * (layer + 1), value * (layer + 1));
    one.begin_tail(prompt_mask());
    at::Tensor all_keys = key, all_values = value, sees = prompt_mask();
    for (int64_t done = 0; done < kRoom; ++done) {
      const at::Tensor q = random({kBatch, kHeads * kGroup, 1, kWidth}, 10 + done);
      const at::Tensor k = keys(kBatch, 1, 20 + done), v = keys(kBatch, 1, 30 + done);
      all_keys = at::cat({all_keys, k}, 2);
      all_values = at::cat({all_values, v}, 2);
      sees = at::cat({sees, at::ones({kBatch, 1}, at::kBool)}, 1);
      for (const int64_t layer : {0, 1}) {
        const auto kv = one.append(layer, k * (layer + 1), v * (layer + 1));
        EXPECT_TRUE(
            near(attend_cached(q, kv, one),
                 attend(q, all_keys * (layer + 1), all_values * (layer + 1), sees.view({kBatch, 1, 1, -1}))))
            << done;
      }
      one.advance();
    }
  }
}

TEST_F(KVCacheTest, a_fixed_tail_takes_one_token_per_step) {
  KVCache fixed({1, kHeads, kWidth}, kBatch, kPrompt, kBeams, kRoom, at::kFloat, KVCache::Tail::fixed);
  fixed.begin_tail(prompt_mask());
  EXPECT_THROW(fixed.append(0, keys(kRows, 2, 3), keys(kRows, 2, 3)), RunError);
}

TEST_F(KVCacheTest, a_full_cache_is_an_error) {
  cache.append(0, keys(kRows, kRoom, 3), keys(kRows, kRoom, 3));
  cache.advance(kRoom);
  EXPECT_THROW(cache.append(0, keys(kRows, 1, 3), keys(kRows, 1, 3)), RunError);
}

// What a run over the whole prompt gives, with padding between the kept tokens and the second prompt's own.
TEST(KVCache, continues_a_kept_prompt) {
  constexpr int64_t kKept = 3, kOwn = kPrompt - kKept;
  const at::Tensor kept_key = keys(1, kKept, 1), kept_value = keys(1, kKept, 2), key = keys(kBatch, kOwn, 3),
                   value = keys(kBatch, kOwn, 4), q = random({kBatch, kHeads * kGroup, kOwn, kWidth}, 5);
  at::Tensor mask = at::ones({kBatch, 1, kOwn, kPrompt}, at::kBool).tril(kKept);
  mask[1].select(2, kKept).fill_(false);
  for (const int64_t beams : {1, 3}) {
    KVCache first({1, kHeads, kWidth}, 1, kKept, 1, 0, at::kFloat);
    first.append(0, kept_key, kept_value);
    KVCache cache({1, kHeads, kWidth}, kBatch, kPrompt, beams, kRoom, at::kFloat);
    EXPECT_FALSE(cache.in_tail());
    cache.continue_prompt(first.prompts(), mask);
    EXPECT_TRUE(cache.in_tail());
    const at::Tensor out = attend_cached(q, cache.append(0, key, value), cache);
    const at::Tensor all_keys = at::cat({kept_key.expand({kBatch, -1, -1, -1}), key}, 2),
                     all_values = at::cat({kept_value.expand({kBatch, -1, -1, -1}), value}, 2);
    EXPECT_TRUE(near(out, attend(q, all_keys, all_values, mask)));
    EXPECT_TRUE(at::equal(cache.prompts()[0][0], all_keys));
    cache.begin_tail(prompt_mask());
    EXPECT_FALSE(cache.continued_mask().allowed.defined());
    const at::Tensor step = keys(kBatch * beams, 1, 6);
    EXPECT_TRUE(at::equal(cache.append(0, step, step).prompt_value, all_values));
  }
}

TEST(KVCache, works_in_bfloat16_and_on_meta) {
  KVCache cache({1, kHeads, kWidth}, 1, kPrompt, 2, kRoom, at::kBFloat16);
  const at::Tensor k = keys(1, kPrompt, 1), tail = keys(2, 1, 2), q = random({2, kHeads, 1, kWidth}, 3);
  cache.append(0, k.to(at::kBFloat16), k.to(at::kBFloat16));
  cache.begin_tail(at::ones({1, kPrompt}, at::kBool));
  const auto kv = cache.append(0, tail.to(at::kBFloat16), tail.to(at::kBFloat16));
  const at::Tensor all = at::cat({k.repeat_interleave(2, 0), tail}, 2);
  EXPECT_TRUE(near(attend_cached(q.to(at::kBFloat16), kv, cache), attend(q, all, all, {}), 2e-2));

  register_meta_kernels();
  const auto meta = at::TensorOptions().device(at::kMeta);
  KVCache shapes({1, kHeads, kWidth}, 1, kPrompt, 2, kRoom, meta);
  shapes.append(0, k.to(meta.device()), k.to(meta.device()));
  shapes.begin_tail(at::ones({1, kPrompt}, meta.dtype(at::kBool)));
  const auto segments = shapes.append(0, tail.to(meta.device()), tail.to(meta.device()));
  EXPECT_EQ(attend_cached(q.to(meta.device()), segments, shapes).sizes(), q.sizes());
}

TEST(KVCache, RestartForgetsTheTokensAndKeepsTheMemory) {
  for (const KVCache::Tail tail : {KVCache::Tail::fixed, KVCache::Tail::growing}) {
    KVCache cache({1, kHeads, kWidth}, kBatch, kPrompt, 1, 3, at::kFloat, tail);
    const auto step = [&](const at::Tensor& token) {
      const at::Tensor q = random({kBatch, kHeads, 1, kWidth}, 5);
      const at::Tensor out = attend_cached(q, cache.append(0, token, token), cache);
      cache.advance();
      return out;
    };
    cache.append(0, keys(kBatch, kPrompt, 1), keys(kBatch, kPrompt, 2));
    cache.begin_tail(prompt_mask());
    const void* mask = cache.prompt_mask().const_data_ptr();
    const at::Tensor token = keys(kBatch, 1, 7), first = step(token);
    step(at::full_like(token, std::numeric_limits<double>::quiet_NaN()));
    cache.restart();
    EXPECT_EQ(cache.tail_length(), 0);
    EXPECT_FALSE(cache.in_tail());
    cache.append(0, keys(kBatch, kPrompt, 1), keys(kBatch, kPrompt, 2));
    cache.begin_tail(prompt_mask());
    if (tail == KVCache::Tail::fixed) {
      EXPECT_EQ(cache.prompt_mask().const_data_ptr(), mask);
    }
    EXPECT_TRUE(near(step(token), first));
  }
}

}  // namespace
}  // namespace flam
