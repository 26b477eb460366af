// Every golden case with several pictures again, with the beginning of its prompt kept.
#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/ones.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "framework/base/text.h"
#include "framework/commands/verify/reference_case.h"
#include "framework/model/kept_prompt.h"
#include "framework/session/session_parts.h"
#include "tests/integration/golden_config.h"
#include "tests/integration/golden_folder.h"
#include "tests/integration/golden_v2_config.h"
#include "tests/support/scratch.h"
#include "tests/support/test_device.h"

namespace flam {
namespace {

struct Run {
  const char* ids;  // the tensor with the reference's ids
  int64_t beams;
  double length_penalty;
};

std::vector<Run> runs_of(const ReferenceCase& reference) {
  return {{"greedy_ids", 1, 1.0},
          {"beam3_ids", 3, reference.length_penalty("beam3").value_or(-2.0)},
          {"beam3_lp1_ids", 3, 1.0}};
}

Batch row_of(const std::vector<int64_t>& ids, size_t first, size_t count, const at::Tensor& media) {
  const at::Tensor row =
      at::from_blob(const_cast<int64_t*>(ids.data() + first), {1, static_cast<int64_t>(count)}, at::kLong)
          .clone();
  return {row, at::ones(row.sizes(), at::kBool), media};
}

/// Generates each prompt with all before its last media marker kept, and returns how many were compared.
int check_kept_prompts(const Session& session, const std::filesystem::path& path) {
  const c10::InferenceMode inference;
  const ReferenceCase reference = ReferenceCase::open(path);
  const Model& model = session.model();
  const auto prompts = reference.prompts(model.tokenizer().image_token());
  int compared = 0;
  for (size_t row = 0; row < prompts.size(); ++row) {
    Prepared prepared = session.parts().prepare({&prompts[row], 1});
    session.parts().encode_media(prepared);
    const std::vector<int64_t> ids = prepared.rows.front();
    const auto media = std::ranges::count(ids, model.image_token_id());
    if (media < 2) continue;
    const auto last = std::find(ids.rbegin(), ids.rend(), model.image_token_id()).base() - 1;
    const auto before = static_cast<size_t>(last - ids.begin());
    const auto kept = model.keep(row_of(ids, 0, before, prepared.batch.media.narrow(1, 0, media - 1)));
    EXPECT_TRUE(kept) << row;
    if (!kept) continue;
    prepared.batch = row_of(ids, kept->ids.size(), ids.size() - kept->ids.size(),
                            prepared.batch.media.narrow(1, media - 1, 1));
    prepared.batch.kept = kept;
    for (const Run& run : runs_of(reference)) {
      const auto expected = reference.tensor(run.ids);
      if (!expected) continue;
      GenerationParams params = session.config().generation;
      params.do_sample = false;
      params.num_beams = run.beams;
      params.length_penalty = run.length_penalty;
      params.max_new_tokens = reference.max_new_tokens();
      std::vector<int64_t> generated =
          session.parts().generate(prepared, params).front().hypotheses.front().ids;
      generated.resize(static_cast<size_t>(expected->size(1)), params.pad_token_id);
      const at::Tensor stored = expected->select(0, static_cast<int64_t>(row)).contiguous();
      const auto* first = stored.const_data_ptr<int64_t>();
      EXPECT_EQ(generated, std::vector<int64_t>(first, first + stored.numel()))
          << path << " row " << row << " " << run.ids;
      ++compared;
    }
  }
  return compared;
}

TEST(GoldenContext, KeptPromptsOfFlamingoGiveTheReferencesIds) {
  const auto folder = test::golden_root() / "v1_tiny";
  const test::Scratch scratch;
  int compared = 0;
  for (const std::string& name : test::prompt_cases(folder)) {
    const auto session =
        Session::open(test::write_golden_config(scratch.path(), folder, name).string(), test::on_device());
    compared += check_kept_prompts(*session, folder / name);
  }
  EXPECT_GT(compared, 20);
}

TEST(GoldenContext, KeptPromptsOfOpenFlamingo2GiveTheReferencesIds) {
  const auto folder = test::golden_root() / "v2_tiny";
  const test::Scratch scratch;
  const auto session = Session::open(test::write_v2_config(scratch.path()), test::on_device());
  EXPECT_GE(check_kept_prompts(*session, folder / "llama_mixed_batch"), 4);
}

TEST(GoldenContext, KeptPromptsOfHuggingFaceModelsGiveTheReferencesIds) {
  for (const char* folder_name : {"llava_tiny", "smolvlm_tiny"}) {
    const auto folder = test::golden_root() / folder_name;
    int compared = 0;
    for (const auto& model : test::model_folders(folder)) {
      RunOptions options = test::on_device();
      options.dtype = "float32";
      const auto session = Session::open(model.string(), options);
      for (const std::string& name : test::cases_of_model(folder, model)) {
        if (name.ends_with("untiled")) continue;  // it needs another config
        compared += check_kept_prompts(*session, folder / name);
      }
    }
    EXPECT_GT(compared, 0) << folder;
  }
}

// The shots of each row as a context of a session.
TEST(GoldenContext, FewShotCasesGiveTheReferencesAnswers) {
  const auto folder = test::golden_root() / "v1_tiny";
  const test::Scratch scratch;
  int compared = 0;
  for (const std::string& name : test::prompt_cases(folder)) {
    const ReferenceCase reference = ReferenceCase::open(folder / name);
    if (name.find("shot") == std::string::npos || name.find("0shot") != std::string::npos) continue;
    const auto session =
        Session::open(test::write_golden_config(scratch.path(), folder, name).string(), test::on_device());
    for (size_t row = 0; row < reference.rows(); ++row) {
      const auto asked = reference.request(row);
      if (!asked) continue;  // the dump does not say what was asked
      const Request& whole = *asked;
      const auto query = std::find_if(whole.parts.rbegin(), whole.parts.rend(),
                                      [](const Part& part) { return part.kind != Part::Kind::text; })
                             .base() -
                         1;
      Request shots;
      shots.parts.assign(whole.parts.begin(), query);
      CallOptions call;
      call.context = session->context(shots);
      EXPECT_GT(call.context->kept_tokens(), 1);
      for (const auto& [key, beams, penalty] :
           {std::tuple("greedy", 1, 1.0), std::tuple("beam3_length_penalty_minus2", 3, -2.0),
            std::tuple("beam3_length_penalty_1", 3, 1.0)}) {
        call.generation = session->config().generation;
        call.generation->num_beams = beams;
        call.generation->length_penalty = penalty;
        call.generation->max_new_tokens = reference.max_new_tokens();
        const auto expected = reference.generated(key, "answer", row);
        if (!expected) continue;
        const Outcome outcome = session->answer(whole, call);
        EXPECT_EQ(outcome.answer.front().second, *expected) << name << " row " << row << " " << key;
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 15);
}

}  // namespace
}  // namespace flam
