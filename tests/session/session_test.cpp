// Sessions: several threads, batches that don't change answers, failures and interruptions.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <thread>

#include "framework/base/file.h"
#include "framework/session/session_parts.h"
#include "tests/integration/golden_config.h"
#include "tests/support/scratch.h"
#include "tests/support/test_device.h"

namespace flam {
namespace {

class SessionTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = test::golden_root() / "v1_tiny";
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "images"))
      images_.push_back(entry.path().string());
    std::sort(images_.begin(), images_.end());
    session_ = Session::open(test::write_golden_config(scratch_.path(), folder_, "caption_0shot").string(),
                             test::on_device());
  }
  std::string caption(const std::string& image) const {
    return session_->answer(picture_request(image)).answer.front().second;
  }

  test::Scratch scratch_;
  std::filesystem::path folder_;
  std::vector<std::string> images_;
  std::shared_ptr<Session> session_;
};

TEST_F(SessionTest, EightThreadsGetTheSameAnswersAsOne) {
  std::vector<std::string> expected;
  for (const auto& image : images_) expected.push_back(caption(image));
  std::vector<std::vector<std::string>> got(8);
  std::vector<std::thread> threads;
  for (auto& mine : got) {
    threads.emplace_back([&] {
      for (const auto& image : images_) mine.push_back(caption(image));
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& mine : got) EXPECT_EQ(mine, expected);
}

TEST_F(SessionTest, ABatchAnswersLikeItsRowsAlone) {
  std::vector<Request> requests;
  for (size_t i = 0; i < 3; ++i) requests.push_back(picture_request(images_[i]));
  const auto outcomes = session_->answer(requests);
  for (size_t i = 0; i < requests.size(); ++i)
    EXPECT_EQ(outcomes[i].answer.front().second, caption(images_[i]));
}

TEST_F(SessionTest, ASampledRowIsTheSameInABatchAndAlone) {
  CallOptions options;
  options.generation = session_->config().generation;
  options.generation->num_beams = 1;
  options.generation->do_sample = true;
  const std::vector<Request> requests = {picture_request(images_[0]), picture_request(images_[1])};
  const auto outcomes = session_->answer(requests, options);
  for (size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(outcomes[i].answer, session_->answer(requests[i], options).answer);
  }
  EXPECT_NE(outcomes[0].answer, outcomes[1].answer);
}

TEST_F(SessionTest, ConfidenceIsThatOfTheLeastProbableToken) {
  const Outcome outcome = session_->answer(picture_request(images_[0]));
  const auto& logprobs = outcome.result.hypotheses.front().token_logprobs;
  ASSERT_EQ(logprobs.size(), outcome.result.hypotheses.front().ids.size());
  EXPECT_DOUBLE_EQ(outcome.confidence().value(),
                   std::exp(*std::min_element(logprobs.begin(), logprobs.end())));
}

TEST(Outcome, HasAConfidenceOnlyWithAnAnswer) {
  Outcome outcome;
  EXPECT_FALSE(outcome.confidence().has_value());
  outcome.result.hypotheses.resize(2);
  EXPECT_FALSE(outcome.confidence().has_value());  // no tokens
  outcome.result.hypotheses[0].token_logprobs = {std::log(0.9), std::log(0.25), std::log(0.5)};
  outcome.result.hypotheses[1].token_logprobs = {std::log(0.1)};
  EXPECT_DOUBLE_EQ(outcome.confidence().value(), 0.25);
  outcome.result.hypotheses[0].token_logprobs = {1e-7};
  EXPECT_EQ(outcome.confidence().value(), 1.0);
  outcome.result.candidates = {{"no", -2, -2, 0.3}, {"yes", -1, -1, 0.7}};
  EXPECT_EQ(outcome.confidence().value(), 0.7);
  outcome.fail(Error("broken"));
  EXPECT_FALSE(outcome.confidence().has_value());
}

TEST_F(SessionTest, AFailedRequestNamesItsPictureAndDoesNotAffectTheOthers) {
  const std::vector<Request> requests = {picture_request("/no/such.png"), picture_request(images_[0])};
  const auto outcomes = session_->answer(requests);
  ASSERT_TRUE(outcomes[0].error.has_value());
  EXPECT_NE(outcomes[0].error->find("/no/such.png"), std::string::npos);
  EXPECT_FALSE(outcomes[1].error.has_value());
  EXPECT_EQ(outcomes[1].answer.front().second, caption(images_[0]));
}

TEST_F(SessionTest, ARunCanBeCancelled) {
  CallOptions options;
  options.cancelled = [] { return true; };
  const Outcome outcome = session_->answer(picture_request(images_[0]), options);
  EXPECT_EQ(outcome.result.hypotheses.front().finish, FinishReason::cancelled);
}

// An interruption is not caused by a row of the batch, so the rows are not run one by one.
TEST_F(SessionTest, AnInterruptedBatchIsNotRunAgain) {
  const auto ranking = Session::open("flamingo_mini_ranking", test::on_device());
  std::vector<Request> requests(3, picture_request(images_[0], "is there a ring?"));
  for (Request& request : requests) request.candidates = {"yes", "no"};
  int asked = 0;
  CallOptions options;
  options.cancelled = [&] { return ++asked > 1; };  // while the candidates are scored
  for (const Outcome& outcome : ranking->answer(requests, options)) {
    EXPECT_EQ(outcome.error.value_or(""), "interrupted");
    EXPECT_EQ(outcome.error_kind, ErrorKind::interrupted);
    EXPECT_TRUE(outcome.answer.empty());
  }
  EXPECT_LE(asked, 3);
}

TEST_F(SessionTest, AnInterruptionEndsARunRowByRow) {
  std::string endless = "Output:";
  for (int i = 0; i < 3000; ++i) endless += " red";  // more than the context holds, so the batch can't be run
  const Task good = session_->task(picture_request(images_[0])), bad = Generate{{template_text(endless), {}}};
  int asked = 0;
  CallOptions options;
  options.cancelled = [&] { return ++asked > 0; };
  for (const Outcome& outcome : session_->run(std::vector<Task>{good, bad, good}, options))
    EXPECT_EQ(outcome.error.value_or(""), "interrupted");
  EXPECT_EQ(asked, 1);
}

TEST_F(SessionTest, AnswersOnePictureInOneCall) {
  const auto config = test::write_golden_config(scratch_.path(), folder_, "caption_0shot").string();
  const Answer answer = inference_model(config, images_[0]);
  EXPECT_EQ(answer.front().first, "pred_caption");
  EXPECT_EQ(answer.front().second, caption(images_[0]));
}

TEST_F(SessionTest, RunsTheExampleOfTheDocs) {
  const auto config = test::write_golden_config(scratch_.path(), folder_, "caption_0shot").string();
  const auto printed = scratch_.path() / "printed";
  const std::string command = std::string(FLAM_BUILD_DIR) + "/bin/example_session " + config + " " +
                              images_[0] + " > " + printed.string() + " 2>/dev/null";
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(read_file(printed, 1 << 16), "pred_caption: " + caption(images_[0]) + "\n");
}

TEST_F(SessionTest, FramesAreResampledTogether) {
  Request video;
  video.parts.push_back({Part::Kind::frames,
                         "",
                         {PictureSource{images_[0], nullptr, {}}, PictureSource{images_[1], nullptr, {}}}});
  Prompt prompt = std::get<Generate>(session_->task_head().task(video)).prompt;
  Prepared prepared = session_->parts().prepare(std::vector<Prompt>{prompt});
  session_->parts().encode_media(prepared);
  EXPECT_EQ(prepared.index.sizes(), (std::vector<int64_t>{1, 1, 2}));
  EXPECT_EQ(prepared.batch.media.size(2), session_->model().resampler().shape().tokens);
}

// The number of threads with which a call computes, observed in a callback that runs in the call's thread.
int threads_of(const Session& session, const std::string& image) {
  int threads = 0;
  CallOptions options;
  options.cancelled = [&] {
    threads = at::get_num_threads();
    return false;
  };
  const Request request = picture_request(image);
  session.answer({&request, 1}, options);
  return threads;
}

TEST_F(SessionTest, EachSessionHasItsOwnNumberOfThreads) {
  const int before = at::get_num_threads();
  RunOptions three = test::on_device(), two = three;
  three.threads = 3;
  two.threads = 2;
  const std::string file = test::write_golden_config(scratch_.path(), folder_, "caption_0shot").string();
  const auto first = Session::open(file, three);
  const auto second = Session::open(file, two);
  const auto expect_own = [&] {
    EXPECT_EQ(threads_of(*first, images_[0]), 3);
    EXPECT_EQ(threads_of(*second, images_[0]), 2);
    EXPECT_EQ(threads_of(*first, images_[0]), 3);
    EXPECT_EQ(threads_of(*session_, images_[0]), before);
  };
  expect_own();
  EXPECT_EQ(at::get_num_threads(), before) << "the program that called";
  std::thread(expect_own).join();
}

TEST_F(SessionTest, APromptLongerThanTheContextIsRefused) {
  CallOptions options;
  options.generation = session_->config().generation;
  options.generation->max_new_tokens = 5000;
  try {
    session_->answer(picture_request(images_[0]), options);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("context of 2048 tokens"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace flam
