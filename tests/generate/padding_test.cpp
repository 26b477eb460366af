// Prompts of different lengths in one batch: only beam_length with_padded_prompt depends on the padding.
#include <gtest/gtest.h>

#include <cmath>

#include "framework/generate/generate.h"
#include "tests/generate/scripted_model.h"

namespace flam {
namespace {

using BeamLength = GenerationParams::BeamLength;
using Prompts = std::vector<std::vector<int64_t>>;

const Prompts kPrompts = {{1, 2}, {1, 2, 7, 7, 8, 8, 1, 2}, {4, 1, 2}};

std::vector<Result> run(const Prompts& prompts, const GenerationParams& p) {
  ScriptedModel model(prompts, rows_per_prompt(p), 23, 1, 2.0);
  GenerateInput input;
  input.prompts = prompts;
  input.stop_ids = {5};
  return generate(model, input, p);
}

TEST(Padding, AffectsNoOption) {
  for (const int64_t beams : {1, 3}) {
    for (const double length_penalty : {-2.0, 1.0, 3.0}) {
      for (const double repetition_penalty : {0.6, 1.0, 1.7}) {
        for (const int64_t ngram : {0, 1, 2, 3}) {
          for (const BeamLength rule : {BeamLength::generated, BeamLength::with_prompt}) {
            GenerationParams p;
            p.num_beams = p.n_best = beams;
            p.length_penalty = length_penalty;
            p.repetition_penalty = repetition_penalty;
            p.no_repeat_ngram_size = ngram;
            p.beam_length = rule;
            const auto together = run(kPrompts, p);
            for (size_t i = 0; i < kPrompts.size(); ++i) {
              const auto alone = run({kPrompts[i]}, p).front().hypotheses;
              ASSERT_EQ(alone.size(), together[i].hypotheses.size());
              for (size_t h = 0; h < alone.size(); ++h) {
                EXPECT_EQ(alone[h].ids, together[i].hypotheses[h].ids);
                EXPECT_EQ(alone[h].score, together[i].hypotheses[h].score);
              }
            }
          }
        }
      }
    }
  }
}

// Compares the three rules on the same beams: the score is the sum of log-probabilities /
// length^length_penalty, where an end token counts with `generated` only.
TEST(Padding, CountsWithPaddedPromptOnly) {
  const auto length_of = [](BeamLength rule) {
    GenerationParams p;
    p.num_beams = 2;
    p.beam_length = rule;
    p.min_new_tokens = p.max_new_tokens = 6;
    const Hypothesis best = run(kPrompts, p).front().hypotheses.front();
    return best.logprob / best.score;
  };
  EXPECT_NEAR(length_of(BeamLength::generated), 6, 1e-4);
  EXPECT_NEAR(length_of(BeamLength::with_prompt), 2 + 6, 1e-4);
  EXPECT_NEAR(length_of(BeamLength::with_padded_prompt), 8 + 6, 1e-4);
}

}  // namespace
}  // namespace flam
