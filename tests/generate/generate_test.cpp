#include "framework/generate/generate.h"

#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "framework/base/error.h"
#include "tests/generate/scripted_model.h"
#include "tests/support/requests.h"

namespace flam {
namespace {

using testing::HasSubstr;
using Prompts = std::vector<std::vector<int64_t>>;
constexpr int64_t kVocabulary = 23;

std::vector<Result> run(const Prompts& prompts, const GenerationParams& p, GenerateInput input = {},
                        uint32_t seed = 1, double bonus = 0) {
  ScriptedModel model(prompts, p.num_beams, kVocabulary, seed, bonus);
  input.prompts = prompts;
  if (input.stop_ids.empty()) input.stop_ids = {5};
  return generate(model, input, p);
}

std::string letters(const std::vector<int64_t>& ids) {
  std::string text;
  for (const int64_t id : ids) text += static_cast<char>('a' + id);
  return text;
}

TEST(Generate, LogprobsAreTheModelsOwnAndSumUp) {
  GenerationParams plain, penalised;
  penalised.repetition_penalty = 3.0;
  const auto a = run({{1, 2}}, plain)[0].hypotheses[0];
  ASSERT_EQ(a.ids.size(), a.token_logprobs.size());
  EXPECT_NEAR(a.logprob, std::accumulate(a.token_logprobs.begin(), a.token_logprobs.end(), 0.0), 1e-12);
  EXPECT_EQ(a.score, a.logprob);
  // If both choose the same first id, its log-probability is the same, although the logits of one were
  // warped.
  const auto b = run({{1, 2}}, penalised)[0].hypotheses[0];
  ASSERT_EQ(a.ids[0], b.ids[0]);
  EXPECT_EQ(a.token_logprobs[0], b.token_logprobs[0]);
}

TEST(Generate, IdsThatMayNotBeChosenStillHaveProbability) {
  for (const int64_t beams : {1, 3}) {
    for (const bool sample : {false, true}) {
      if (sample && beams > 1) continue;
      GenerationParams p;
      p.num_beams = beams;
      p.do_sample = sample;
      GenerateInput input;
      input.choosable_ids = 10;
      const auto found = run({{1, 2}, {3, 4}}, p, input);
      for (const Result& result : found) {
        for (const int64_t id : result.hypotheses[0].ids) EXPECT_LT(id, 10);
      }
      ScriptedModel model({{1, 2}}, 1, kVocabulary, 1, 0);
      const at::Tensor own = model.prefill().log_softmax(1)[0];
      const Hypothesis& first = found[0].hypotheses[0];
      EXPECT_FLOAT_EQ(first.token_logprobs[0], own[first.ids[0]].item<float>());
      input.choosable_ids = 0;
      int64_t highest = 0;  // without the limit
      for (const Result& result : run({{1, 2}, {3, 4}}, p, input)) {
        for (const int64_t id : result.hypotheses[0].ids) highest = std::max(highest, id);
      }
      EXPECT_GE(highest, 10);
    }
  }
  GenerateInput input;
  input.choosable_ids = 5;
  input.stop_ids = {5};
  EXPECT_THAT(error_of([&] { run({{1, 2}}, {}, input); }), HasSubstr("5 is not among the model's 5 ids"));
}

TEST(Generate, ARowDoesNotDependOnItsBatch) {
  const Prompts prompts = {{1, 2, 3}, {3, 4, 9}, {7, 7, 7}};
  for (const int64_t beams : {1, 3}) {
    for (const bool sample : {false, true}) {
      if (sample && beams > 1) continue;
      GenerationParams p;
      p.num_beams = beams;
      p.do_sample = sample;
      GenerateInput input;
      input.row_seeds = {5, 6, 7};
      const auto together = run(prompts, p, input, 4, 2.0);
      for (size_t r = 0; r < prompts.size(); ++r) {
        input.row_seeds = {5 + r};
        const auto alone = run({prompts[r]}, p, input, 4, 2.0)[0].hypotheses[0];
        EXPECT_EQ(alone.ids, together[r].hypotheses[0].ids);
        EXPECT_EQ(alone.token_logprobs, together[r].hypotheses[0].token_logprobs);
        EXPECT_EQ(alone.score, together[r].hypotheses[0].score);
      }
    }
  }
}

TEST(Generate, StopsAsSoonAsAllRowsHaveEnded) {
  GenerationParams p;
  p.max_new_tokens = 1000;
  ScriptedModel model({{1, 2}, {2, 3}}, 1, kVocabulary, 1, 100.0);
  GenerateInput input;
  input.prompts = {{1, 2}, {2, 3}};
  input.stop_ids = {5};
  const auto results = generate(model, input, p);
  EXPECT_EQ(model.steps, 0);
  EXPECT_EQ(results[1].hypotheses[0].ids, std::vector<int64_t>{5});
  EXPECT_EQ(results[1].hypotheses[0].finish, FinishReason::stop_token);
}

TEST(Generate, SamplingFollowsTheWarpedDistribution) {
  GenerationParams p;
  p.do_sample = true;
  p.max_new_tokens = 1;
  p.temperature = 1.5;
  p.top_k = 4;
  const int64_t n = 4000;
  GenerateInput input;
  for (int64_t i = 0; i < n; ++i) input.row_seeds.push_back(i);
  std::map<int64_t, int64_t> counts;
  const auto results = run(Prompts(n, {1, 2}), p, input);
  for (const auto& r : results) ++counts[r.hypotheses[0].ids[0]];
  EXPECT_EQ(counts.size(), 4u);

  ScriptedModel model({{1, 2}}, 1, kVocabulary, 1, 0);
  const at::Tensor logits = model.prefill();
  std::vector<std::pair<double, int64_t>> best;
  for (int64_t v = 0; v < kVocabulary; ++v) best.emplace_back(logits[0][v].item<double>() / p.temperature, v);
  std::sort(best.rbegin(), best.rend());
  double total = 0;
  for (int i = 0; i < 4; ++i) total += std::exp(best[i].first);
  for (int i = 0; i < 4; ++i) {
    const double expected = std::exp(best[i].first) / total;
    EXPECT_NEAR(static_cast<double>(counts[best[i].second]) / n, expected, 4 * std::sqrt(expected / n)) << i;
  }
}

TEST(Generate, TopPKeepsTheSmallestSetThatReachesIt) {
  GenerationParams p, greedy;
  p.do_sample = true;
  p.top_p = 0.0;  // the best one alone
  EXPECT_EQ(run({{1, 2}}, p)[0].hypotheses[0].ids, run({{1, 2}}, greedy)[0].hypotheses[0].ids);

  p.top_p = 0.8;
  p.max_new_tokens = 1;
  const at::Tensor probability = ScriptedModel({{1, 2}}, 1, kVocabulary, 1, 0).prefill().softmax(1);
  std::set<int64_t> expected, drawn;
  const auto [best, order] = probability[0].sort(0, true);
  double before = 0;
  for (int64_t i = 0; i < kVocabulary && before < p.top_p; ++i) {
    expected.insert(order[i].item<int64_t>());
    before += best[i].item<double>();
  }
  GenerateInput input;
  for (uint64_t i = 0; i < 2000; ++i) input.row_seeds.push_back(i);
  const auto results = run(Prompts(2000, {1, 2}), p, input);
  for (const Result& r : results) drawn.insert(r.hypotheses[0].ids[0]);
  EXPECT_EQ(drawn, expected);
}

TEST(Generate, EqualSeedsGiveEqualSamples) {
  GenerationParams p;
  p.do_sample = true;
  const auto ids = [&] { return run({{1, 2}}, p)[0].hypotheses[0].ids; };
  const auto first = ids();
  EXPECT_EQ(first, ids());
  p.seed = 1;
  EXPECT_NE(first, ids());
}

TEST(Generate, StopStringsEndGreedyAndBeams) {
  for (const int64_t beams : {1, 3}) {
    GenerationParams p;
    p.num_beams = beams;
    p.min_new_tokens = 10;
    const auto whole = run({{1, 2}}, p)[0].hypotheses[0];
    ASSERT_GT(whole.ids.size(), 3u);
    p.stop_strings = {letters({whole.ids[1], whole.ids[2]})};
    GenerateInput input;
    input.decode = letters;
    p.early_stopping = true;
    const auto results = run({{1, 2}}, p, input);
    for (const auto& h : results[0].hypotheses) {
      if (h.finish == FinishReason::stop_string) {
        EXPECT_EQ(letters(h.ids).find(p.stop_strings[0]), h.ids.size() - 2);
      } else {
        EXPECT_EQ(letters(h.ids).find(p.stop_strings[0]), std::string::npos);
      }
    }
    if (beams == 1) {
      const auto cut = run({{1, 2}}, p, input)[0].hypotheses[0];
      EXPECT_EQ(cut.finish, FinishReason::stop_string);
      EXPECT_EQ(cut.ids.size(), 3u);
    }
  }
}

TEST(Generate, BeamSearchWithoutCandidatesStillReturnsResults) {
  GenerationParams p;
  p.num_beams = 3;
  for (int64_t id = 0; id < kVocabulary; ++id) p.stop_strings.push_back(letters({id}));
  GenerateInput input;
  input.decode = letters;
  const auto h = run({{1, 2}}, p, input)[0].hypotheses;
  ASSERT_EQ(h.size(), 1u);
  EXPECT_EQ(h[0].finish, FinishReason::stop_string);
}

TEST(Generate, StreamsWhatItReturns) {
  GenerateInput input;
  std::map<int64_t, std::vector<int64_t>> streamed;
  input.on_token = [&](int64_t row, int64_t id, double logprob) {
    streamed[row].push_back(id);
    EXPECT_LE(logprob, 0);
  };
  const auto results = run({{1, 2}, {4, 9}}, {}, input, 3, 2.0);
  for (int64_t r = 0; r < 2; ++r) EXPECT_EQ(streamed[r], results[r].hypotheses[0].ids);
}

TEST(Generate, CancelledRunsReturnPartialResults) {
  for (const int64_t beams : {1, 3}) {
    for (const int allowed : {0, 3}) {
      GenerationParams p;
      p.num_beams = beams;
      p.min_new_tokens = 20;
      GenerateInput input;
      input.cancelled = [n = allowed]() mutable { return n-- == 0; };
      const auto h = run({{1, 2}, {2, 3}}, p, input)[1].hypotheses;
      ASSERT_FALSE(h.empty());
      EXPECT_EQ(h[0].finish, FinishReason::cancelled);
      EXPECT_EQ(static_cast<int>(h[0].ids.size()), allowed);
    }
  }
}

TEST(Generate, RefusesContradictoryParameters) {
  GenerationParams p;
  p.n_best = 2;
  p.min_new_tokens = 30;
  const std::string message = error_of([&] { run({{1, 2}}, p); });
  EXPECT_THAT(message, HasSubstr("n_best is 2, but a search with num_beams 1 finds at most 1 sequences"));
  EXPECT_THAT(message, HasSubstr("min_new_tokens 30"));
  p = {};
  GenerateInput input;
  input.stop_ids = {23};
  EXPECT_THAT(error_of([&] {
                run({{1, 2}}, p, input);
              }),
              HasSubstr("stop token 23 is not among the model's 23 ids"));
}

class NotANumber final : public StepModel {
 public:
  int64_t batch() const override { return 1; }
  at::Tensor prefill() override { return at::empty({1, 8}, at::kFloat).fill_(std::nan("")); }
  at::Tensor step(const at::Tensor&) override { return prefill(); }
  void reorder(const at::Tensor&) override {}
};

TEST(Generate, NaNIsAnError) {
  for (const int64_t beams : {1, 2}) {
    GenerationParams p;
    p.num_beams = beams;
    NotANumber model;
    GenerateInput input;
    input.prompts = {{1}};
    EXPECT_THROW(generate(model, input, p), RunError);
  }
}

}  // namespace
}  // namespace flam
