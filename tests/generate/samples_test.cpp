// Several samples of one prompt.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "framework/generate/generate.h"
#include "tests/generate/scripted_model.h"

namespace flam {
namespace {

using Prompts = std::vector<std::vector<int64_t>>;

std::vector<Result> run(const Prompts& prompts, const GenerationParams& p, GenerateInput input) {
  ScriptedModel model(prompts, rows_per_prompt(p), 23, 4, 2.0);
  input.prompts = prompts;
  input.stop_ids = {5};
  return generate(model, input, p);
}

GenerationParams sampling(int64_t samples) {
  GenerationParams p;
  p.do_sample = true;
  p.n_best = samples;
  return p;
}

TEST(Samples, DoNotDependOnTheBatch) {
  const Prompts prompts = {{1, 2, 3}, {3, 4}, {7, 7, 7, 9}};
  GenerateInput input;
  input.row_seeds = {5, 6, 7};
  const auto together = run(prompts, sampling(4), input);
  for (size_t i = 0; i < prompts.size(); ++i) {
    input.row_seeds = {5 + i};
    const auto alone = run({prompts[i]}, sampling(4), input).front().hypotheses;
    const auto first = run({prompts[i]}, sampling(1), input).front().hypotheses;
    ASSERT_EQ(alone.size(), 4u);
    for (size_t s = 0; s < alone.size(); ++s) EXPECT_EQ(alone[s].ids, together[i].hypotheses[s].ids);
    EXPECT_EQ(first.front().ids, alone.front().ids);
  }
}

TEST(Samples, AreIndependent) {
  // First tokens of two samples of each prompt: pairs occur as often as if both were drawn independently.
  GenerationParams p = sampling(2);
  p.max_new_tokens = 1;
  p.top_k = 2;
  constexpr int64_t kPrompts = 4000;
  GenerateInput input;
  for (int64_t i = 0; i < kPrompts; ++i) input.row_seeds.push_back(i * 77);
  std::map<int64_t, double> first, second;
  std::map<std::pair<int64_t, int64_t>, double> pairs;
  for (const Result& result : run(Prompts(kPrompts, {1, 2}), p, input)) {
    const int64_t a = result.hypotheses[0].ids[0], b = result.hypotheses[1].ids[0];
    first[a] += 1.0 / kPrompts;
    second[b] += 1.0 / kPrompts;
    pairs[{a, b}] += 1.0 / kPrompts;
  }
  ASSERT_EQ(first.size(), 2u);
  for (const auto& [a, share] : first) {
    EXPECT_NEAR(second[a], share, 0.04);
    for (const auto& [b, other] : second) EXPECT_NEAR((pairs[{a, b}]), share * other, 0.03);
  }
}

TEST(Samples, DoNotUseBeams) {
  GenerationParams p = sampling(2), with_beams = sampling(2);
  with_beams.num_beams = 3;
  const auto a = run({{1, 2}}, p, {}).front().hypotheses,
             b = run({{1, 2}}, with_beams, {}).front().hypotheses;
  ASSERT_EQ(b.size(), 2u);
  for (size_t s = 0; s < 2; ++s) EXPECT_EQ(a[s].ids, b[s].ids);
}

TEST(Samples, TheFirstIsStreamed) {
  GenerateInput input;
  std::vector<std::vector<int64_t>> streamed(2);
  input.on_token = [&](int64_t prompt, int64_t id, double) { streamed.at(prompt).push_back(id); };
  const auto results = run({{1, 2}, {4, 9}}, sampling(3), input);
  for (size_t i = 0; i < 2; ++i) EXPECT_EQ(streamed[i], results[i].hypotheses[0].ids);
}

}  // namespace
}  // namespace flam
