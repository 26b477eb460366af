// Scoring of candidates: their log-probabilities equal those of a plain forward pass in every batch, and the
// task determines how they are normalised and calibrated.
#include <ATen/TensorOperators.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "framework/session/session_parts.h"
#include "tests/support/requests.h"
#include "tests/support/test_device.h"

namespace flam {
namespace {

using testing::HasSubstr;

const std::string kScene = FLAM_SOURCE_DIR "/docs/images/scene.png";

std::shared_ptr<Session> open_ranking(std::vector<std::string> overrides = {}) {
  RunOptions options = test::on_device();
  options.overrides = std::move(overrides);
  return Session::open("flamingo_mini_ranking", options);
}

Request ask(const std::string& question, std::vector<std::string> candidates) {
  return {{image_part(kScene), text_part(question)}, "", "", std::move(candidates)};
}
Request shot_and(Request request) {
  const std::vector<Part> shot = {image_part(FLAM_SOURCE_DIR "/docs/images/scene.png"),
                                  text_part("how many objects are there?"), text_part("three")};
  request.parts.insert(request.parts.begin(), shot.begin(), shot.end());
  return request;
}

std::vector<Result> score(const Session& session, const std::vector<Score>& tasks) {
  const c10::InferenceMode inference;
  std::vector<Prompt> prompts;
  for (const Score& task : tasks) prompts.push_back(task.prompt);
  Prepared prepared = session.parts().prepare(prompts);
  session.parts().encode_media(prepared);
  return session.parts().score(prepared, tasks);
}

Score task_of(const Session& session, const Request& request) {
  return std::get<Score>(session.task_head().task(request));
}

/// The log-probabilities of a candidate's tokens in one forward pass over prompt and candidate, without a
/// cache.
std::vector<double> plain_forward(const Session& session, const Prompt& prompt, const MarkedText& text) {
  const c10::InferenceMode inference;
  Prepared prepared = session.parts().prepare(std::vector<Prompt>{prompt});
  session.parts().encode_media(prepared);
  std::vector<int64_t> ids = prepared.rows.front();
  const std::vector<int64_t> own = session.model().tokenizer().encode(text, false);
  ids.insert(ids.end(), own.begin(), own.end());
  Batch batch = prepared.batch;
  batch.ids = at::tensor(ids, at::kLong).unsqueeze(0);
  batch.attention_mask = at::ones({1, static_cast<int64_t>(ids.size())}, at::kBool);
  const at::Tensor logits = session.model().logits(session.model().forward(batch).hidden);
  const at::Tensor logprobs = at::log_softmax(logits.to(at::kDouble), -1)[0];
  std::vector<double> out;
  for (size_t i = ids.size() - own.size(); i < ids.size(); ++i)
    out.push_back(logprobs[static_cast<int64_t>(i) - 1][ids[i]].item().toDouble());
  return out;
}

double sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

// Two prompts of different lengths, with different numbers of pictures and candidates. Some candidates have
// one token, others have many.
TEST(Score, EqualsAPlainForwardPassWithEveryMaskingRule) {
  for (const std::string rule : {"text_sees=last", "text_sees=next", "cached_tokens_see=nothing"}) {
    const auto session = open_ranking(
        {"model.adapter." + rule, "task_head.length_normalization=sum", "task_head.score_end=true"});
    const std::vector<Score> tasks = {
        task_of(*session, ask("what colour is the star?", {"purple", "a large red square", "yes"})),
        task_of(*session, shot_and(ask("is there a ring?", {"yes", "no"})))};
    const std::vector<Result> results = score(*session, tasks);
    for (size_t i = 0; i < tasks.size(); ++i) {
      ASSERT_EQ(results[i].candidates.size(), tasks[i].candidates.size());
      for (const Candidate& candidate : results[i].candidates) {
        const auto expected = plain_forward(*session, tasks[i].prompt,
                                            literal_text(candidate.text) + template_text("<|endofchunk|>"));
        EXPECT_NEAR(candidate.logprob, sum(expected), 1e-4 * std::max(1.0, std::abs(sum(expected))))
            << rule << ": " << candidate.text;
        EXPECT_EQ(candidate.score, candidate.logprob);
      }
    }
  }
}

// There are more candidates than run at once, so they are scored in blocks.
TEST(Score, ManyCandidatesGetTheSameScoresAsAlone) {
  const auto session = open_ranking();
  const std::vector<std::string> colours = {"red",    "green",  "blue",  "yellow",
                                            "purple", "orange", "white", "black"};
  std::vector<std::string> all;
  for (const auto& a : colours) {
    for (const auto& b : colours) {
      for (const auto& c : colours) all.push_back(a + " " + b + " " + c);
    }
  }
  Score task = task_of(*session, ask("what colours are there?", all));
  const Result many = score(*session, {task}).front();
  ASSERT_EQ(many.candidates.size(), 512u);
  for (const size_t index : {size_t{0}, size_t{200}, size_t{511}}) {
    task.candidates = {all[index]};
    const Candidate alone = score(*session, {task}).front().candidates.front();
    EXPECT_EQ(many.candidates[index].text, alone.text);
    EXPECT_NEAR(many.candidates[index].logprob, alone.logprob, 1e-4);
  }
  double probability = 0;
  for (const Candidate& candidate : many.candidates) probability += candidate.probability;
  EXPECT_NEAR(probability, 1, 1e-6);
}

TEST(Score, SumsOrAveragesOverTokens) {
  const auto session = open_ranking();
  Score task = task_of(*session, ask("what colour is the star?", {"purple", "a large red square"}));
  const auto mean = score(*session, {task}).front().candidates;
  task.length_normalization = Score::LengthNormalization::sum;
  const auto total = score(*session, {task}).front().candidates;
  for (size_t i = 0; i < mean.size(); ++i) {
    const auto tokens = session->model().tokenizer().encode(literal_text(mean[i].text), false).size();
    EXPECT_NEAR(total[i].logprob, mean[i].logprob * static_cast<double>(tokens), 1e-5);
  }
}

TEST(Score, CalibrationSubtractsThePromptWithoutPicture) {
  const auto session = open_ranking({"task_head.calibrate=true"});
  const Score task = task_of(*session, ask("is there a purple star?", {"yes", "no"}));
  Score blind = task;
  blind.prompt = *task.calibration;
  blind.calibration.reset();
  Score plain = task;
  plain.calibration.reset();
  const auto results = score(*session, {plain, task, blind});  // only one of the batch is calibrated
  for (size_t i = 0; i < 2; ++i) {
    const Candidate& candidate = results[1].candidates[i];
    EXPECT_NEAR(candidate.logprob, results[0].candidates[i].logprob, 1e-4);
    EXPECT_EQ(results[0].candidates[i].score, results[0].candidates[i].logprob);
    EXPECT_NEAR(candidate.score, candidate.logprob - results[2].candidates[i].logprob, 1e-4);
  }
}

TEST(Score, AnswersWithTheBestCandidateAndKeepsAll) {
  const auto session = open_ranking();
  const std::vector<Request> requests = {ask("what colour is the star?", {"red", "blue", "purple", "green"}),
                                         ask("how many objects are there?", {"two", "three"}),
                                         ask("what shape is the blue object?", {"ring"}),
                                         shot_and(ask("is there a ring?", {"no", "yes"}))};
  const auto outcomes = session->answer(requests);
  EXPECT_EQ(outcomes[0].answer, (Answer{{"pred_answer", "purple"}}));
  EXPECT_EQ(outcomes[1].answer, (Answer{{"pred_answer", "three"}}));
  EXPECT_THAT(outcomes[2].error.value_or(""), HasSubstr("there is one candidate, 'ring'"));
  // The model was not trained with shots. Its answer only has to equal the generated one.
  const Request asked = shot_and({{image_part(kScene), text_part("is there a ring?")}, "", "", {}});
  EXPECT_EQ(outcomes[3].answer, Session::open("flamingo_mini_vqa", test::on_device())->answer(asked).answer);
  EXPECT_EQ(best_candidate(outcomes[0].result), 2u);
  EXPECT_GT(outcomes[0].result.candidates[2].probability, 0.5);
  EXPECT_GT(outcomes[0].prompt_tokens, 5);
  for (const size_t i : {0, 1, 3}) {
    EXPECT_NEAR(session->answer(requests[i]).result.candidates[0].logprob,
                outcomes[i].result.candidates[0].logprob, 1e-4);
  }
}

TEST(Score, CandidatesThatCannotBeScoredFailAlone) {
  const auto session = open_ranking();
  std::string endless = "red";
  for (int i = 0; i < 300; ++i) endless += " red";
  const auto outcomes = session->answer(std::vector<Request>{ask("is there a ring?", {"yes", endless}),
                                                             ask("is there a ring?", {"yes", "no"})});
  EXPECT_THAT(outcomes[0].error.value_or(""),
              testing::AllOf(HasSubstr("candidate 'red red"),
                             HasSubstr("of 301 tokens doesn't fit the context of 256")));
  EXPECT_EQ(outcomes[0].error_kind, ErrorKind::refused);
  EXPECT_EQ(outcomes[1].answer, (Answer{{"pred_answer", "yes"}}));
  Score nothing = task_of(*session, ask("is there a ring?", {"yes", "no"}));
  nothing.candidates[1] = "";
  EXPECT_THAT(error_of([&] { score(*session, {nothing}); }), HasSubstr("candidate '' gives no tokens"));
}

TEST(Score, AGeneratingTaskHeadRejectsCandidates) {
  const auto session = Session::open("flamingo_mini_vqa", test::on_device());
  EXPECT_THAT(error_of([&] {
                session->answer(ask("is there a ring?", {"yes", "no"}));
              }),
              HasSubstr("takes no candidates"));
}

}  // namespace
}  // namespace flam
