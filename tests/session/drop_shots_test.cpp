// Prompts that are longer than the decoder's context.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/session/session_parts.h"
#include "tests/support/requests.h"
#include "tests/support/test_device.h"

namespace flam {
namespace {

using testing::HasSubstr;

const std::string kScene = FLAM_SOURCE_DIR "/docs/images/scene.png";

std::shared_ptr<Session> open(int64_t positions, const std::vector<std::string>& more = {},
                              bool random = false, const std::string& config = "flamingo_mini_caption") {
  RunOptions options = test::on_device();
  options.threads = 1;  // the models are small
  options.overrides = {"model.language_decoder.max_position_embeddings=" + std::to_string(positions),
                       "generation.max_new_tokens=6"};
  options.overrides.insert(options.overrides.end(), more.begin(), more.end());
  if (random) options.weights = "random";
  return Session::open(config, options);
}

const std::string kDrop = "generation.when_too_long=drop_shots";

Request with_shots(size_t count) {
  Request request;
  for (size_t i = 0; i < count; ++i) {
    request.parts.push_back(image_part(kScene));
    request.parts.push_back(text_part("shot " + std::to_string(i) + " is a red circle"));
  }
  request.parts.push_back(image_part(kScene));
  return request;
}

int64_t positions_of(const Session& session, const Request& request) {
  Prepared prepared = session.parts().prepare(std::vector<Prompt>{prompt_of(session.task(request))});
  session.parts().encode_media(prepared);
  return session.model().forward(prepared.batch).hidden.size(1);
}

// With media in the sequence (`prefix`), these count, too.
TEST(DropShots, LeavesOutTheOldestUntilThePromptFits) {
  for (const std::string adapter : {"", "model.adapter={type: prefix}"}) {
    const bool random = !adapter.empty();
    const std::vector<std::string> more =
        random ? std::vector<std::string>{kDrop, adapter} : std::vector<std::string>{kDrop};
    const auto roomy = open(2000, more, random);
    const int64_t three = positions_of(*roomy, with_shots(3));
    ASSERT_LT(positions_of(*roomy, with_shots(2)) + 6, three + 6);
    for (const int64_t missing : {0, 1}) {
      const auto session = open(three + 6 - missing, more, random);
      Request request = with_shots(3);
      request.id = "one";
      const Outcome outcome = session->answer(request);
      EXPECT_EQ(outcome.dropped_shots, missing);
      EXPECT_EQ(outcome.prompt.find("shot 0") == std::string::npos, missing == 1);
      EXPECT_THAT(outcome.prompt, HasSubstr("shot 1"));
      EXPECT_FALSE(outcome.answer.empty());
      Request fewer = request;
      fewer.parts.erase(fewer.parts.begin(), fewer.parts.begin() + 2 * missing);
      EXPECT_EQ(session->answer(fewer).answer, outcome.answer);
    }
  }
}

TEST(DropShots, IsAnErrorUnlessConfigured) {
  const auto session = open(40);
  Request request = with_shots(4);
  EXPECT_EQ(session->drop_shots(request), 0);
  EXPECT_THAT(error_of([&] { session->answer(request); }), HasSubstr("don't fit the context of 40"));
}

TEST(DropShots, NeverCutsTheQuery) {
  const auto session = open(12, {kDrop}, false, "flamingo_mini_vqa");
  Request request{
      {image_part(kScene), text_part("what?"), text_part("a ring"), image_part(kScene),
       text_part("what is red or blue or green or yellow or purple in here, and how many are there?")},
      "",
      "",
      {}};
  EXPECT_THAT(error_of([&] { session->answer(request); }), HasSubstr("fit the context of 12"));
  EXPECT_EQ(session->drop_shots(request), 1);
  EXPECT_EQ(request.parts.size(), 2U);
}

TEST(DropShots, CountsCandidatesInsteadOfNewTokens) {
  Request request{{}, "", "", {"yes", "no"}};
  for (int i = 0; i < 4; ++i) {
    request.parts.push_back(image_part(kScene));
    request.parts.push_back(text_part("is there a ring?"));
    request.parts.push_back(text_part("yes"));
  }
  request.parts.pop_back();
  const int64_t prompt = positions_of(*open(2000, {}, false, "flamingo_mini_ranking"), request);
  for (const int64_t room : {0, 5}) {  // less than max_new_tokens
    const auto session = open(prompt + room, {kDrop}, false, "flamingo_mini_ranking");
    const Outcome outcome = session->answer(request);
    EXPECT_EQ(outcome.dropped_shots, room == 0 ? 1 : 0);
    EXPECT_FALSE(outcome.answer.empty());
  }
}

// A context is used by the requests that still begin with its shots.
TEST(DropShots, GoesTogetherWithAContext) {
  const auto roomy = open(2000, {kDrop});
  const int64_t two = positions_of(*roomy, with_shots(2));
  const auto session = open(two + 6, {kDrop});
  Request shots = with_shots(2);
  shots.parts.pop_back();
  CallOptions call;
  call.context = session->context(shots);
  Request longer = shots;
  longer.parts.push_back(image_part(kScene));
  longer.parts.push_back(text_part("another"));
  longer.parts.push_back(image_part(kScene));
  const std::vector<Request> requests = {call.context->request(picture_request(kScene)), longer};
  const auto with = session->answer(requests, call), without = session->answer(requests);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_FALSE(with[i].error.has_value()) << *with[i].error;
    EXPECT_EQ(with[i].answer, without[i].answer);
    EXPECT_EQ(with[i].dropped_shots, without[i].dropped_shots);
  }
  EXPECT_EQ(with[0].dropped_shots, 0);
  EXPECT_GT(with[1].dropped_shots, 0);
}

}  // namespace
}  // namespace flam
