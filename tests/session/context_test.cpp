// Kept contexts: requests that begin with a context's shots get the same answers from it as without it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "framework/session/session_parts.h"
#include "tests/integration/golden_config.h"
#include "tests/support/requests.h"
#include "tests/support/scratch.h"
#include "tests/support/test_device.h"

namespace flam {
namespace {

using testing::HasSubstr;

std::string picture(size_t i) {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(test::golden_root() / "v1_tiny" / "images"))
      out.push_back(entry.path().string());
    std::sort(out.begin(), out.end());
    return out;
  }();
  return all.at(i % all.size());
}

/// A model, and how requests to it are made.
struct Subject {
  const char* name;
  std::string config;
  std::vector<std::string> overrides;
  bool random = false;  // weights
  bool asks = false;    // requests have questions
};

std::string golden_model(const char* folder) {
  return (test::golden_root() / folder).string();
}

/// Every adapter, with every masking rule that it has.
std::vector<Subject> subjects() {
  std::vector<Subject> out;
  for (const char* sees : {"last", "next"}) {
    for (const char* cached : {"last", "nothing"}) {
      for (const char* immediate : {"true", "false"}) {
        out.push_back({"gated",
                       "flamingo_mini_caption",
                       {std::string("model.adapter.text_sees=") + sees,
                        std::string("model.adapter.cached_tokens_see=") + cached,
                        std::string("model.adapter.only_attend_immediate_media=") + immediate}});
      }
    }
  }
  for (const char* adapter : {"{type: prefix}", "{type: prefix, projection: linear, keep_image_token: true}",
                              "{type: prefix, media_attention: bidirectional}"}) {
    out.push_back({"prefix", "flamingo_mini_caption", {std::string("model.adapter=") + adapter}, true});
  }
  out.push_back({"questions", "flamingo_mini_vqa", {}, false, true});
  out.push_back({"tiles and special tokens", golden_model("smolvlm_tiny/smolvlm"), {}, false, true});
  out.push_back({"tiles and spelled-out tags", golden_model("smolvlm_tiny/idefics3"), {}, false, true});
  out.push_back({"chat", golden_model("llava_tiny/model"), {}, false, true});
  return out;
}

std::shared_ptr<Session> open(const Subject& subject) {
  RunOptions options = test::on_device();
  options.threads = 1;  // the models are small
  options.dtype = "float32";
  options.overrides = subject.overrides;
  if (subject.random) options.weights = "random";
  return Session::open(subject.config, options);
}

Request shots_of(const Subject& subject, size_t count) {
  Request shots;
  for (size_t i = 0; i < count; ++i) {
    shots.parts.push_back(image_part(picture(i)));
    if (subject.asks) shots.parts.push_back(text_part("what is shot " + std::to_string(i) + "?"));
    shots.parts.push_back(text_part(i % 2 == 0 ? "a red circle." : "two blue squares and a ring"));
  }
  return shots;
}

Request query_of(const Subject& subject, size_t i) {
  Request query{{image_part(picture(5 + i))}, "query " + std::to_string(i), "", {}};
  // Of different lengths, so that rows of a batch are padded.
  if (subject.asks)
    query.parts.push_back(
        text_part(std::string("which is it") + (i % 2 ? "?" : ", and how many are there?")));
  return query;
}

GenerationParams params_of(const Session& session, int64_t beams) {
  GenerationParams params = session.config().generation;
  params.num_beams = beams;
  params.n_best = beams;
  params.max_new_tokens = 8;
  params.do_sample = false;
  return params;
}

void expect_same(const Outcome& with, const Outcome& without) {
  ASSERT_FALSE(with.error.has_value()) << *with.error;
  ASSERT_FALSE(without.error.has_value()) << *without.error;
  EXPECT_EQ(with.answer, without.answer);
  EXPECT_EQ(with.prompt, without.prompt);
  EXPECT_EQ(with.prompt_tokens, without.prompt_tokens);
  EXPECT_EQ(with.media.size(), without.media.size());
  ASSERT_EQ(with.result.hypotheses.size(), without.result.hypotheses.size());
  for (size_t h = 0; h < with.result.hypotheses.size(); ++h) {
    const Hypothesis &a = with.result.hypotheses[h], &b = without.result.hypotheses[h];
    EXPECT_EQ(a.ids, b.ids);
    ASSERT_EQ(a.token_logprobs.size(), b.token_logprobs.size());
    for (size_t i = 0; i < a.token_logprobs.size(); ++i)
      EXPECT_NEAR(a.token_logprobs[i], b.token_logprobs[i], 1e-4);
  }
  ASSERT_EQ(with.result.candidates.size(), without.result.candidates.size());
  for (size_t k = 0; k < with.result.candidates.size(); ++k)
    EXPECT_NEAR(with.result.candidates[k].score, without.result.candidates[k].score, 1e-4);
}

TEST(PromptContext, EveryAdapterAndMaskingRuleAnswersTheSame) {
  for (const Subject& subject : subjects()) {
    SCOPED_TRACE(subject.name +
                 (subject.overrides.empty() ? "" : ": " + testing::PrintToString(subject.overrides)));
    const auto session = open(subject);
    const auto context = session->context(shots_of(subject, 2));
    ASSERT_GT(context->kept_tokens(), 0);
    EXPECT_EQ(context->media_count(), 2U);
    std::vector<Request> requests;
    for (size_t i = 0; i < 3; ++i) requests.push_back(context->request(query_of(subject, i)));
    for (const int64_t beams : {1, 3}) {
      SCOPED_TRACE(beams);
      CallOptions without, with;
      without.generation = with.generation = params_of(*session, beams);
      with.context = context;
      const auto together = session->answer(requests, with), apart = session->answer(requests, without);
      for (size_t i = 0; i < requests.size(); ++i) {
        SCOPED_TRACE(i);
        // The length of beams may count the padding of the batch.
        expect_same(together[i], apart[i]);
        expect_same(session->answer(requests[i], with), session->answer(requests[i], without));
      }
    }
  }
}

// Of the prompt, all but what follows the last shot is kept; with `next`, the last shot's text is not.
// Rows of a batch with different numbers of pictures and lengths, some of which don't begin with the context.
TEST(PromptContext, UnequalRequestsOfABatchAnswerAsAlone) {
  for (const Subject& subject : subjects()) {
    if (subject.name == std::string("gated") && subject.overrides.back().ends_with("false")) continue;
    SCOPED_TRACE(subject.name +
                 (subject.overrides.empty() ? "" : ": " + testing::PrintToString(subject.overrides)));
    const auto session = open(subject);
    CallOptions without, with;
    without.generation = with.generation = params_of(*session, 2);
    with.context = session->context(shots_of(subject, 2));
    std::vector<Request> requests;
    for (const size_t shots : {0, 2, 1, 4, 2, 3}) {
      Request request = shots_of(subject, shots);
      const Request query = query_of(subject, requests.size());
      request.parts.insert(request.parts.end(), query.parts.begin(), query.parts.end());
      requests.push_back(std::move(request));
    }
    const auto kept = session->answer(requests, with), whole = session->answer(requests, without);
    for (size_t i = 0; i < requests.size(); ++i) {
      SCOPED_TRACE(i);
      const Outcome alone = session->answer(requests[i], without);
      expect_same(kept[i], alone);
      expect_same(whole[i], alone);
    }
  }
}

TEST(PromptContext, KeepsWhatDoesNotDependOnTheQuery) {
  const Subject last{"", "flamingo_mini_caption", {"model.adapter.text_sees=last"}},
      next{"", "flamingo_mini_caption", {"model.adapter.text_sees=next"}};
  const auto kept = [](const Subject& subject) {
    const auto session = open(subject);
    const auto context = session->context(shots_of(subject, 2));
    const auto ids = session->model().tokenizer().encode(template_text(context->text()), true);
    EXPECT_THAT(context->text(), testing::EndsWith("<|endofchunk|>"));
    return std::pair(context->kept_tokens(), std::ssize(ids));
  };
  const auto [all, of_all] = kept(last);
  EXPECT_EQ(all, of_all);
  const auto [fewer, of] = kept(next);
  EXPECT_EQ(of, of_all);
  EXPECT_LT(fewer, all);
  EXPECT_GT(fewer, all / 3);
}

TEST(PromptContext, WithoutShotsKeepsTheTextBeforeEveryQuery) {
  const Subject subject{
      "", "flamingo_mini_caption", {"task_head.zeroshot_prompt='Output:a ring.<|endofchunk|>'"}};
  const auto session = open(subject);
  const auto context = session->context({});
  EXPECT_GT(context->kept_tokens(), 1);
  const Request request = context->request(query_of(subject, 0));
  CallOptions with;
  with.context = context;
  expect_same(session->answer(request, with), session->answer(request));
  // Where text sees the next picture, nothing can be kept, and the answers are the same nevertheless.
  const Subject next{"", "flamingo_mini_caption", {subject.overrides[0], "model.adapter.text_sees=next"}};
  const auto other = open(next);
  with.context = other->context({});
  EXPECT_EQ(with.context->kept_tokens(), 0);
  expect_same(other->answer(request, with), other->answer(request));
  EXPECT_THROW(with.context->save("nothing"), Error);
}

TEST(PromptContext, CandidatesGetTheSameScores) {
  const Subject subject{"", "flamingo_mini_ranking", {"task_head.calibrate=true"}, false, true};
  const auto session = open(subject);
  Request shots = shots_of(subject, 3);
  const auto context = session->context(shots);
  std::vector<Request> requests;
  for (size_t i = 0; i < 2; ++i) {
    requests.push_back(context->request(query_of(subject, i)));
    requests.back().candidates = {"red", "dark blue", "yes"};
  }
  CallOptions with;
  with.context = context;
  const auto kept = session->answer(requests, with), whole = session->answer(requests);
  for (size_t i = 0; i < requests.size(); ++i) expect_same(kept[i], whole[i]);
}

TEST(PromptContext, SamplesAreTheSame) {
  const Subject subject{"", "flamingo_mini_caption", {}};
  const auto session = open(subject);
  CallOptions without, with;
  without.generation = params_of(*session, 1);
  without.generation->do_sample = true;
  without.generation->n_best = 3;
  with.generation = without.generation;
  with.context = session->context(shots_of(subject, 2));
  const Request request = with.context->request(query_of(subject, 1));
  expect_same(session->answer(request, with), session->answer(request, without));
}

TEST(PromptContext, OtherRequestsOfABatchAreAnsweredWithoutIt) {
  const Subject subject{"", "flamingo_mini_caption", {}};
  const auto session = open(subject);
  CallOptions with;
  with.context = session->context(shots_of(subject, 2));
  Request other_shots = shots_of(subject, 2);
  other_shots.parts[1].text = "two squares";
  Request other_picture = with.context->request(query_of(subject, 1));
  other_picture.parts[2] = image_part(picture(7));
  std::vector<Request> requests = {query_of(subject, 0), with.context->request(query_of(subject, 1)),
                                   other_shots, other_picture};
  requests[2].parts.push_back(image_part(picture(6)));
  const auto kept = session->answer(requests, with), whole = session->answer(requests);
  for (size_t i = 0; i < requests.size(); ++i) expect_same(kept[i], whole[i]);
}

// Only the query's picture is read and encoded.
TEST(PromptContext, DoesNotNeedThePicturesOfTheShotsAgain) {
  const Subject subject{"", "flamingo_mini_caption", {}};
  const auto session = open(subject);
  const test::Scratch scratch;
  Request shots;
  const auto copy = scratch / "shot.png";
  std::filesystem::copy_file(picture(0), copy);
  shots.parts = {image_part(copy.string()), text_part("a red circle.")};
  CallOptions with;
  with.context = session->context(shots);
  const Request request = with.context->request(query_of(subject, 0));
  const Outcome whole = session->answer(request);
  std::filesystem::remove(copy);
  StageTimes times;
  with.times = &times;
  expect_same(session->answer(request, with), whole);
  EXPECT_THROW(session->answer(request), Error);
}

TEST(PromptContext, ThreadsShareIt) {
  const Subject subject{"", "flamingo_mini_caption", {}};
  const auto session = open(subject);
  CallOptions with;
  with.generation = params_of(*session, 2);
  with.context = session->context(shots_of(subject, 2));
  std::vector<Request> requests;
  std::vector<Answer> expected;
  for (size_t i = 0; i < 4; ++i) {
    requests.push_back(with.context->request(query_of(subject, i)));
    expected.push_back(session->answer(requests.back(), with).answer);
  }
  std::vector<std::vector<Answer>> got(4);
  std::vector<std::thread> threads;
  for (auto& mine : got) {
    threads.emplace_back([&] {
      for (const Request& request : requests) mine.push_back(session->answer(request, with).answer);
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& mine : got) EXPECT_EQ(mine, expected);
}

TEST(PromptContext, WrongShotsAreRefused) {
  const Subject subject{"", "flamingo_mini_caption", {}};
  const auto session = open(subject);
  Request no_text{{image_part(picture(0))}, "", "", {}}, missing = shots_of(subject, 1), too_long = missing;
  missing.parts[0] = image_part("/no/such.png");
  for (int i = 0; i < 3000; ++i) too_long.parts[1].text += " red";
  EXPECT_THAT(error_of([&] { session->context(no_text); }), HasSubstr("of a shot, is followed by 0 texts"));
  EXPECT_THAT(error_of([&] { session->context(missing); }), HasSubstr("/no/such.png"));
  EXPECT_THAT(error_of([&] { session->context(too_long); }), HasSubstr("doesn't fit the context"));
  Request conversation = shots_of(subject, 1);
  conversation.messages = {{Message::Role::user, 0}};
  EXPECT_THAT(error_of([&] { session->context(conversation); }), HasSubstr("not of a conversation"));
}

TEST(PromptContext, AnotherSessionRefusesIt) {
  const Subject subject{"", "flamingo_mini_caption", {}};
  CallOptions with;
  const auto first = open(subject), second = open(subject);
  with.context = first->context(shots_of(subject, 1));
  EXPECT_THAT(error_of([&] { second->answer(with.context->request(query_of(subject, 0)), with); }),
              HasSubstr("another session"));
}

}  // namespace
}  // namespace flam
