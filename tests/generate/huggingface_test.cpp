// Ids and scores of transformers 4.31.0 and 4.45.2 for a scripted model (dump_hf.py).
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "framework/generate/generate.h"
#include "tests/generate/scripted_model.h"

namespace flam {
namespace {

using Json = nlohmann::json;

GenerationParams params_of(const Json& options, int64_t max_new_tokens) {
  GenerationParams p;
  p.max_new_tokens = max_new_tokens;
  p.num_beams = options.value("num_beams", 1);
  p.length_penalty = options.value("length_penalty", 1.0);
  p.early_stopping = options.value("early_stopping", false);
  p.n_best = options.value("num_return_sequences", 1);
  p.min_new_tokens = options.value("min_new_tokens", 0);
  p.repetition_penalty = options.value("repetition_penalty", 1.0);
  p.no_repeat_ngram_size = options.value("no_repeat_ngram_size", 0);
  return p;
}

/// Pads ids to the width of the reference's row.
std::vector<int64_t> padded(std::vector<int64_t> ids, size_t width) {
  ids.resize(std::max(width, ids.size()), 0);
  return ids;
}

void expect_equal(const std::string& file, GenerationParams::BeamLength rule) {
  const Json reference = Json::parse(std::ifstream(std::string(FLAM_SOURCE_DIR "/tests/generate/") + file));
  const std::vector<std::vector<int64_t>> prompts = reference["prompts"];
  ASSERT_FALSE(reference["cases"].empty());
  for (const Json& c : reference["cases"]) {
    SCOPED_TRACE(c["options"].dump() + " seed " + c["seed"].dump());
    GenerationParams p = params_of(c["options"], reference["max_new_tokens"]);
    p.beam_length = rule;
    GenerateInput input;
    input.prompts = prompts;
    input.stop_ids = c["stop_ids"].get<std::vector<int64_t>>();
    ScriptedModel model(prompts, p.num_beams, reference["vocabulary"], c["seed"], c["bonus"]);
    const auto results = generate(model, input, p);

    size_t i = 0;
    for (const Result& result : results) {
      ASSERT_EQ(static_cast<int64_t>(result.hypotheses.size()), p.n_best);
      for (const Hypothesis& h : result.hypotheses) {
        auto expected = c["ids"][i].get<std::vector<int64_t>>();
        // The reference always writes its first end token, whichever one was chosen.
        auto ids = h.ids;
        if (h.finish == FinishReason::stop_token && p.num_beams > 1) ids.back() = input.stop_ids[0];
        EXPECT_EQ(padded(ids, expected.size()), expected) << "sequence " << i;
        if (c.contains("scores")) {
          const double score = c["scores"][i].get<double>();
          EXPECT_NEAR(h.score, score, 1e-5 * std::max(1.0, std::abs(score)));
        }
        ++i;
      }
    }
  }
}

TEST(HuggingFace, Version4_31) {
  expect_equal("hf_4_31.json", GenerationParams::BeamLength::with_padded_prompt);
}
TEST(HuggingFace, Version4_45) {
  expect_equal("hf_4_45.json", GenerationParams::BeamLength::generated);
}

}  // namespace
}  // namespace flam
