// The answer to a request is the same at every batch size and with every generation option, except
// beam_length with_padded_prompt, which reproduces a reference that counts padding.
#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "framework/commands/evaluate/evaluate.h"
#include "framework/config/config.h"
#include "framework/session/session_parts.h"
#include "tests/integration/golden_config.h"
#include "tests/support/requests.h"
#include "tests/support/test_device.h"

namespace flam {
namespace {

const std::string kScene = FLAM_SOURCE_DIR "/docs/images/scene.png";

/// Five prompts of different lengths, with zero to three pictures.
std::vector<Task> mixed_tasks(const std::vector<std::string>& images) {
  const auto prompt = [&](const std::string& text, const std::vector<size_t>& of) {
    Prompt out{template_text(text), {}};
    for (const size_t image : of) out.media.push_back(image_part(images.at(image)));
    return Generate{out};
  };
  return {
      prompt("<image>Output:", {0}),
      prompt("<image>Output:a red circle on the left<|endofchunk|><image>Output:a dog that runs over the "
             "grass<|endofchunk|><image>Output:",
             {1, 2, 3}),
      prompt("Output:", {}), prompt("<image>Output:two<|endofchunk|><image>Output:", {4, 0}),
      prompt("a long text without any picture at all, which is the longest of them. Output: Output: a", {})};
}

std::vector<Outcome> run_in_batches(const Session& session, const std::vector<Task>& tasks, size_t size,
                                    const GenerationParams& params) {
  CallOptions options;
  options.generation = params;
  std::vector<Outcome> out;
  for (size_t first = 0; first < tasks.size(); first += size) {
    const std::span batch = std::span(tasks).subspan(first, std::min(size, tasks.size() - first));
    for (Outcome& outcome : session.run(batch, options)) out.push_back(std::move(outcome));
  }
  return out;
}

void expect_equal(const Outcome& a, const Outcome& b) {
  ASSERT_EQ(a.error.value_or(""), "");
  ASSERT_EQ(b.error.value_or(""), "");
  EXPECT_EQ(a.answer, b.answer);
  EXPECT_EQ(a.prompt_tokens, b.prompt_tokens);
  const auto &ours = a.result.hypotheses, &theirs = b.result.hypotheses;
  ASSERT_EQ(ours.size(), theirs.size());
  for (size_t i = 0; i < ours.size(); ++i) {
    EXPECT_EQ(ours[i].ids, theirs[i].ids) << "sequence " << i;
    EXPECT_EQ(ours[i].text, theirs[i].text);
    EXPECT_EQ(ours[i].finish, theirs[i].finish);
    EXPECT_NEAR(ours[i].score, theirs[i].score, 1e-4 * std::max(1.0, std::abs(theirs[i].score)));
  }
}

constexpr const char* kSearches[] = {
    "num_beams: 1",
    "num_beams: 3, n_best: 3, length_penalty: -2",
    "num_beams: 3, length_penalty: 3",
    "num_beams: 4, n_best: 2, length_penalty: 1, beam_length: generated, early_stopping: true",
    "do_sample: true, temperature: 1.3",
    "do_sample: true, top_k: 8, top_p: 0.9, seed: 7, n_best: 3",
};
constexpr const char* kRules[] = {
    "",
    ", repetition_penalty: 1.7",
    ", no_repeat_ngram_size: 2",
    ", repetition_penalty: 0.7, no_repeat_ngram_size: 3, min_new_tokens: 6",
    ", stop_strings: [e, 'a ']",
};

GenerationParams params_of(GenerationParams params, const std::string& options) {
  ErrorList errors;
  read_params(ParamsRef(params), parse_yaml("{" + options + "}", "options"), "generation", {}, errors);
  errors.throw_if_any();
  return params;
}

void expect_the_same_at_every_batch_size(const Session& session, const std::vector<std::string>& images) {
  const std::vector<Task> tasks = mixed_tasks(images);
  for (const std::string search : kSearches) {
    for (const std::string rule : kRules) {
      const GenerationParams params = params_of({}, search + rule + ", max_new_tokens: 8");
      const auto alone = run_in_batches(session, tasks, 1, params);
      for (const size_t size : {2, 3, 5}) {
        const auto together = run_in_batches(session, tasks, size, params);
        for (size_t i = 0; i < tasks.size(); ++i) {
          SCOPED_TRACE(testing::Message() << search << rule << ": task " << i << " in batches of " << size);
          expect_equal(together[i], alone[i]);
        }
      }
    }
  }
}

TEST(BatchSize, ChangesNoAnswerOfTheGoldenModel) {
  const test::Scratch scratch;
  const auto folder = test::golden_root() / "v1_tiny";
  std::vector<std::string> images;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "images"))
    images.push_back(entry.path().string());
  std::sort(images.begin(), images.end());
  const auto session = Session::open(
      test::write_golden_config(scratch.path(), folder, "caption_0shot").string(), test::on_device());
  expect_the_same_at_every_batch_size(*session, images);
}

// In this model, text attends to the last picture before it, also in cached steps.
TEST(BatchSize, ChangesNoAnswerOfTheSmallModel) {
  const std::vector<std::string> images(5, kScene);
  expect_the_same_at_every_batch_size(*Session::open("flamingo_mini_caption", test::on_device()), images);
}

// A generated image token has no picture. It must not attend to a padding picture of the batch.
TEST(BatchSize, ChangesNoAnswerWithAGeneratedImageToken) {
  const std::vector<std::string> images(5, kScene);
  for (const char* rule : {"nothing", "last"}) {
    RunOptions options = test::on_device();
    options.overrides = {std::string("model.adapter.cached_tokens_see=") + rule};
    const auto session = Session::open("flamingo_mini_caption", options);
    const std::vector<Task> tasks = mixed_tasks(images);
    const c10::InferenceMode inference;
    const auto logits_after_image = [&](const std::vector<size_t>& rows) {
      std::vector<Prompt> prompts;
      for (const size_t row : rows) prompts.push_back(prompt_of(tasks[row]));
      Prepared prepared = session->parts().prepare(prompts);
      session->parts().encode_media(prepared);
      const auto steps = session->parts().start(prepared, 1, 3);
      steps->prefill();
      return steps->step(at::full({std::ssize(rows)}, session->model().image_token_id(), at::kLong));
    };
    const at::Tensor together = logits_after_image({0, 1, 2, 3, 4});
    for (size_t row = 0; row < tasks.size(); ++row) {
      const at::Tensor alone = logits_after_image({row})[0];
      EXPECT_LT((together[static_cast<int64_t>(row)] - alone).abs().max().item().toDouble(), 1e-3)
          << rule << ", task " << row;
    }
  }
}

// If the longer prompt's length counted for both requests, the shorter one would get another answer in the
// batch.
TEST(BatchSize, ChangesNoAnswerOfABeamSearchThatFavoursLength) {
  RunOptions options = test::on_device();
  options.overrides = {"generation.num_beams=3", "generation.length_penalty=3"};
  const auto session = Session::open("flamingo_mini_caption", options);
  const std::vector<Request> requests = {
      {{image_part(kScene)}},
      {{image_part(kScene), text_part("a large red square and a small blue ring"), image_part(kScene),
        text_part("from left to right: a square, a ring and a star"), image_part(kScene)}}};
  const auto together = session->answer(requests);
  for (size_t i = 0; i < requests.size(); ++i) expect_equal(together[i], session->answer(requests[i]));
}

TEST(BatchSize, ChangesNoAnswerOfAnEvaluation) {
  RunOptions options = test::on_device();
  options.overrides = {"generation.num_beams=3", "generation.length_penalty=3",
                       "generation.repetition_penalty=1.3"};
  const auto session = Session::open("flamingo_mini_vqa", options);
  const auto answers = [&](int64_t batch_size) {
    EvaluateOptions evaluation;
    evaluation.limit = 6;
    evaluation.batch_size = batch_size;
    std::vector<std::string> out;
    evaluation.on_answer = [&](const Record& record, const Prediction& prediction) {
      out.push_back(prediction.text);
      if (batch_size == 1) {
        EXPECT_EQ(prediction.text, session->answer(record.request).answer.front().second);
      }
    };
    evaluate(*session, evaluation);
    return out;
  };
  const auto alone = answers(1);
  ASSERT_EQ(alone.size(), 6u);
  for (const int64_t size : {2, 3, 5}) EXPECT_EQ(answers(size), alone) << size;
}

}  // namespace
}  // namespace flam
