// Streaming: the joined pieces of an answer equal the answer, even if text is removed from it or a batch
// fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "framework/generate/growing_text.h"
#include "framework/session/session.h"
#include "tests/integration/golden_config.h"
#include "tests/support/requests.h"

namespace flam {
namespace {

using testing::HasSubstr;

const std::string kScene = FLAM_SOURCE_DIR "/docs/images/scene.png";

std::shared_ptr<Session> open(const std::string& config, std::vector<std::string> overrides = {}) {
  RunOptions options;
  options.overrides = std::move(overrides);
  return Session::open(config, options);
}

/// The streamed text and the number of pieces of each request.
struct Shown {
  explicit Shown(size_t requests) : texts(requests), pieces(requests) {}

  std::function<void(size_t, const std::string&)> listener() {
    return [this](size_t request, const std::string& piece) {
      EXPECT_NE(piece, "");
      texts.at(request) += piece;
      ++pieces.at(request);
    };
  }
  std::vector<std::string> texts;
  std::vector<int> pieces;
};

Outcome answer_and_compare(const Session& session, const Request& request, int least_pieces) {
  Shown shown(1);
  CallOptions options;
  options.on_text = shown.listener();
  Outcome outcome = session.answer(request, options);
  EXPECT_EQ(shown.texts[0], outcome.answer.front().second);
  EXPECT_GE(shown.pieces[0], least_pieces);
  return outcome;
}

// The complete caption is "from left to right: a large red square, a small blue ring and a small purple
// star".
TEST(AnswerStream, ShowsNoTextThatIsRemovedLater) {
  const Request request = picture_request(kScene);
  const auto text = [&](std::vector<std::string> overrides, int least_pieces) {
    return answer_and_compare(*open("flamingo_mini_caption", std::move(overrides)), request, least_pieces)
        .answer.front()
        .second;
  };
  const std::string whole = text({}, 8);
  EXPECT_THAT(whole, HasSubstr("small blue ring"));
  EXPECT_EQ(text({"generation.stop_strings=['small blue', 'blue ring']"}, 5),
            whole.substr(0, whole.find("small blue")));
  EXPECT_EQ(text({"generation.stop_strings=['small blue rung', 'never']"}, 8), whole);
  EXPECT_EQ(text({"task_head.cut_at=['small blue', 'ring']", "task_head.strip=false"}, 5),
            whole.substr(0, whole.find("small blue")));
  EXPECT_THAT(text({"task_head.remove=['a small ', 'large re']"}, 5), HasSubstr(": a d square, blue ring"));
  EXPECT_EQ(text({"generation.num_beams=3"}, 1), whole);
}

TEST(AnswerStream, ShowsAChosenCandidateAsOnePiece) {
  Request request = picture_request(kScene, "what colour is the star?");
  request.candidates = {"red", "purple"};
  EXPECT_EQ(answer_and_compare(*open("flamingo_mini_ranking"), request, 1).answer.front().second, "purple");
}

TEST(AnswerStream, ShowsTheFirstOfSeveralSamples) {
  const auto session = open("flamingo_mini_caption", {"generation.do_sample=true", "generation.n_best=3"});
  EXPECT_EQ(answer_and_compare(*session, picture_request(kScene), 5).result.hypotheses.size(), 3u);
}

// The batch fails at its third token. Then each request runs alone, and its stream continues where it was.
TEST(AnswerStream, ContinuesAfterABatchFailed) {
  const auto session = open("flamingo_mini_caption");
  const std::vector<Request> requests(3, picture_request(kScene));
  Shown shown(requests.size());
  CallOptions options;
  options.on_text = shown.listener();
  int calls = 0;
  options.cancelled = [&calls]() -> bool {
    if (++calls == 6) throw RunError("a device failed");
    return false;
  };
  const auto outcomes = session->answer(requests, options);
  for (size_t i = 0; i < requests.size(); ++i) {
    ASSERT_EQ(outcomes[i].error.value_or(""), "");
    EXPECT_EQ(shown.texts[i], outcomes[i].answer.front().second);
    EXPECT_GE(shown.pieces[i], 8);
  }
}

// Answers that are complete when another task of the batch fails are not generated again.
TEST(AnswerStream, DoesNotRepeatCompleteAnswers) {
  const auto session = open("flamingo_mini_caption");
  Task written = session->task_head().task(picture_request(kScene));
  Score choice{prompt_of(written), {"a red square", ""}, "", Score::LengthNormalization::sum, {}};
  const std::vector<Task> tasks = {written, choice, written};
  Shown shown(tasks.size());
  StageTimes times;
  CallOptions options;
  options.on_text = shown.listener();
  options.times = &times;
  const auto outcomes = session->run(tasks, options);
  EXPECT_THAT(outcomes[1].error.value_or(""), HasSubstr("gives no tokens"));
  EXPECT_EQ(shown.texts[1], "");
  for (const size_t i : {0, 2}) EXPECT_EQ(shown.texts[i], outcomes[i].answer.front().second);
  int64_t prefills = 0;
  for (const auto& entry : times.entries())
    prefills += entry.stage == "prefill" ? std::ssize(entry.milliseconds) : 0;
  EXPECT_EQ(prefills, 1);
}

TEST(AnswerStream, AnInterruptedAnswerKeepsTheShownText) {
  const auto session = open("flamingo_mini_caption");
  Shown shown(2);
  CallOptions options;
  options.on_text = shown.listener();
  int calls = 0;
  options.cancelled = [&calls] { return ++calls > 6; };
  const auto outcomes = session->answer(std::vector<Request>(2, picture_request(kScene)), options);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(outcomes[i].result.hypotheses.front().finish, FinishReason::cancelled);
    EXPECT_EQ(shown.texts[i], outcomes[i].answer.front().second);
    EXPECT_NE(shown.texts[i], "");
  }
}

// Random ids include bytes of incomplete characters, control tokens and consecutive spaces.
TEST(GrowingText, OfRandomIdsEqualsTheDecodedText) {
  const test::Scratch scratch;
  const auto config =
      test::write_golden_config(scratch.path(), test::golden_root() / "v1_tiny", "caption_0shot");
  std::mt19937 random(1);
  const std::string byte_fallback = "model.tokenizer.decoder=byte_fallback";
  for (const auto& [name, overrides] :
       {std::pair(std::string("flamingo_mini_caption"), std::vector<std::string>()),
        {config.string(), {}},
        {config.string(), {byte_fallback}},
        {config.string(), {byte_fallback, "model.tokenizer.strip_left=false"}}}) {
    const auto session = open(name, overrides);
    const Tokenizer& tokenizer = session->model().tokenizer();
    const int64_t size = tokenizer.base_size() + std::ssize(tokenizer.added_tokens());
    for (int round = 0; round < 30; ++round) {
      const int64_t most = round % 2 ? size : 300;  // the first ids are bytes and control tokens
      GrowingText growing([&](const std::vector<int64_t>& ids) { return tokenizer.decode(ids, true); },
                          [&](const std::vector<int64_t>& ids) { return tokenizer.unsettled_ids(ids); });
      std::vector<int64_t> ids;
      for (int i = 0; i < 100; ++i) {
        ids.push_back(static_cast<int64_t>(random() % static_cast<uint64_t>(most)));
        growing.append(ids.back());
        const std::string whole = tokenizer.decode(ids, true);
        ASSERT_TRUE(whole.starts_with(growing.text()))
            << round << ": '" << growing.text() << "', '" << whole << "'";
        const size_t unsettled = tokenizer.unsettled_ids(ids);
        ASSERT_LE(whole.size(), growing.text().size() + 60 + 3 * unsettled);
      }
    }
  }
}

}  // namespace
}  // namespace flam
