// open-flamingo 2.0.1 with a LLaMA: text sees the last picture, and so do generated tokens.
#include <ATen/TensorOperators.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <set>

#include "framework/commands/verify/reference_case.h"
#include "framework/commands/verify/verify.h"
#include "framework/session/session_parts.h"
#include "tests/integration/golden_v2_config.h"
#include "tests/support/scratch.h"
#include "tests/support/test_device.h"

namespace flam {
namespace {

TEST(GoldenV2, EveryStageAgrees) {
  const test::Scratch scratch;
  const auto session = Session::open(test::write_v2_config(scratch.path()), test::on_device());
  for (const char* name : {"llama_caption_0shot", "llama_mixed_batch", "llama_text_before_image"}) {
    const VerifyReport report = verify(*session, test::golden_root() / "v2_tiny" / name);
    std::set<std::string> compared;
    for (const StageCheck& stage : report.stages) {
      if (stage.stage.starts_with("prompt_text"))
        continue;  // no head makes the prompt with text before an image
      EXPECT_TRUE(stage.passed) << name << " " << stage.stage << " " << stage.shape << " largest error "
                                << stage.largest_error << " (tolerance " << stage.tolerance << ") "
                                << stage.note;
      compared.insert(stage.stage);
    }
    for (const char* stage : {"media_tokens", "greedy_ids"})
      EXPECT_TRUE(compared.contains(stage)) << name << stage;
  }
}

TEST(GoldenV2, EveryLengthPenaltyGivesTheReferencesTexts) {
  const test::Scratch scratch;
  const auto session = Session::open(test::write_v2_config(scratch.path()), test::on_device());
  const ReferenceCase reference = ReferenceCase::open(test::golden_root() / "v2_tiny" / "llama_mixed_batch");
  const auto prompts = reference.prompts("<image>");
  std::vector<Task> tasks;
  for (const Prompt& prompt : prompts) tasks.emplace_back(Generate{prompt});
  for (const auto& [run, beams, penalty] :
       {std::tuple("greedy", 1, 1.0), std::tuple("beam3_lp1", 3, 1.0), std::tuple("beam3_lp0", 3, 0.0),
        std::tuple("beam3_lp-2", 3, -2.0)}) {
    CallOptions call;
    call.generation = session->config().generation;
    call.generation->num_beams = beams;
    call.generation->length_penalty = penalty;
    call.generation->max_new_tokens = reference.max_new_tokens();
    const auto outcomes = session->run(tasks, call);
    for (size_t row = 0; row < outcomes.size(); ++row) {
      ASSERT_FALSE(outcomes[row].error.has_value()) << *outcomes[row].error;
      EXPECT_EQ(outcomes[row].result.hypotheses.front().text, reference.generated(run, "text", row))
          << run << row;
    }
  }
}

}  // namespace
}  // namespace flam
