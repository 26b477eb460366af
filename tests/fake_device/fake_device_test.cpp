// The fake device itself: what it refuses and what it counts; and commands whose models are on it.
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "framework/device/device.h"
#include "framework/session/session_parts.h"
#include "framework/weights/checkpoint.h"
#include "tests/cli/run_flam.h"
#include "tests/fake_device/fake_device.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::take_fake_device_counts;
using testing::HasSubstr;

const std::string kScene = FLAM_SOURCE_DIR "/docs/images/scene.png";

at::TensorOptions on_fake(at::ScalarType dtype = at::kFloat) {
  return at::TensorOptions().device(resolve_device("fake")).dtype(dtype);
}

template <class Work>
std::string refusal(const Work& work) {
  try {
    work();
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  }
  return "";
}

TEST(FakeDevice, ComputesAsTheCpuDoes) {
  const at::Tensor a = at::randn({3, 4}), b = at::randn({4, 3}), table = at::randn({6, 2});
  const at::Tensor c = a.to(on_fake()), d = b.to(on_fake());
  EXPECT_TRUE(c.mm(d).add(1).relu().cpu().equal(a.mm(b).add(1).relu()));
  EXPECT_TRUE(std::get<1>(at::cat({c, d.t()}).sort(1)).cpu().equal(std::get<1>(at::cat({a, b.t()}).sort(1))));
  EXPECT_TRUE(at::arange(5, on_fake(at::kLong)).cpu().equal(at::arange(5, at::kLong)));
  at::Tensor e = c.clone(), f = a.clone();
  for (at::Tensor& tensor : {std::ref(e), std::ref(f)}) tensor.select(0, 1).narrow(0, 1, 2).mul_(3);
  EXPECT_TRUE(e.cpu().equal(f));
  EXPECT_EQ(c.max().item().toDouble(), a.max().item().toDouble());
}

TEST(FakeDevice, RefusesTensorsOfTwoDevices) {
  const at::Tensor ours = at::ones({4, 4}, on_fake()), host = at::ones({4, 4});
  const std::string message = "two devices";
  EXPECT_THAT(refusal([&] { ours + host; }), HasSubstr(message));
  EXPECT_THAT(refusal([&] { ours.masked_fill(host > 0, 0); }), HasSubstr(message));
  EXPECT_THAT(refusal([&] { at::linear(ours, host); }), HasSubstr(message));
  EXPECT_THAT(refusal([&] { ours.index({std::optional(at::zeros({2}, at::kLong))}); }), HasSubstr(message));
  EXPECT_THAT(refusal([&] { at::cat({ours, host}); }), HasSubstr(message));
  EXPECT_EQ(refusal([&] { ours + 2; }), "");
  EXPECT_EQ(refusal([&] { ours + at::ones({}); }), "");
}

TEST(FakeDevice, HidesItsMemoryFromTheHost) {
  const at::Tensor tensor = at::ones({4}, on_fake());
  EXPECT_DEATH(static_cast<void>(*static_cast<volatile const float*>(tensor.const_data_ptr())), "");
}

TEST(FakeDevice, CountsWorkAndWaits) {
  take_fake_device_counts();
  const at::Tensor tensor = at::ones({4}).to(on_fake());
  auto counts = take_fake_device_counts();
  EXPECT_EQ(counts.allocations, 1);
  EXPECT_EQ(counts.allocated_bytes, 16);
  EXPECT_EQ(counts.copied_bytes, 16);
  EXPECT_EQ(counts.synchronisations, 1);
  const at::Tensor sum = tensor.view({2, 2}).t().add(1);
  counts = take_fake_device_counts();
  EXPECT_EQ(counts.operators, 1);
  EXPECT_EQ(counts.allocations, 1);
  EXPECT_EQ(counts.synchronisations, 0);
  sum.sum().item();
  sum.nonzero();
  sum.cpu();
  EXPECT_EQ(take_fake_device_counts().synchronisations, 3);
  sum.index({std::optional(sum > 0)});
  EXPECT_GE(take_fake_device_counts().synchronisations, 1);
}

struct Answers {
  std::vector<std::vector<int64_t>> ids;
  std::vector<std::vector<double>> logprobs;
  std::vector<std::string> texts;
};

Answers answers_of(const Session& session, int64_t beams) {
  CallOptions call;
  call.generation = session.config().generation;
  call.generation->num_beams = beams;
  std::vector<Request> requests = {picture_request(kScene)};
  if (session.config().name.find("caption") == std::string::npos) {
    requests = {picture_request(kScene, "what colour is the star?"),
                picture_request(kScene, "how many objects are there?")};
    if (session.config().name.find("ranking") != std::string::npos)
      for (Request& request : requests) request.candidates = {"red", "purple", "three"};
  }
  Answers out;
  for (const Outcome& outcome : session.answer(requests, call)) {
    EXPECT_FALSE(outcome.error) << *outcome.error;
    for (const Hypothesis& hypothesis : outcome.result.hypotheses) {
      out.ids.push_back(hypothesis.ids);
      out.logprobs.push_back(hypothesis.token_logprobs);
    }
    for (const Candidate& candidate : outcome.result.candidates) out.logprobs.push_back({candidate.logprob});
    for (const auto& [field, text] : outcome.answer) out.texts.push_back(text);
  }
  return out;
}

std::shared_ptr<Session> open(const std::string& config, const std::string& device,
                              const std::string& dtype = "float32") {
  RunOptions options;
  options.device = device;
  options.dtype = dtype;
  options.threads = 1;
  return Session::open(config, options);
}

TEST(OnTheFakeDevice, AnswersHaveTheSameIdsAsOnTheCpu) {
  for (const char* config : {"flamingo_mini_caption", "flamingo_mini_vqa", "flamingo_mini_ranking"}) {
    const auto cpu = open(config, "cpu"), fake = open(config, "fake");
    EXPECT_EQ(fake->model().device().str(), "fake:0");
    for (const int64_t beams : {1, 3}) {
      SCOPED_TRACE(std::string(config) + ", beams: " + std::to_string(beams));
      const Answers expected = answers_of(*cpu, beams), got = answers_of(*fake, beams);
      EXPECT_EQ(got.ids, expected.ids);
      EXPECT_EQ(got.texts, expected.texts);
      ASSERT_EQ(got.logprobs.size(), expected.logprobs.size());
      for (size_t i = 0; i < got.logprobs.size(); ++i)
        EXPECT_THAT(got.logprobs[i], testing::Pointwise(testing::DoubleNear(1e-4), expected.logprobs[i]));
    }
  }
}

TEST(OnTheFakeDevice, AnswersInBfloat16) {
  EXPECT_EQ(answers_of(*open("flamingo_mini_vqa", "fake", "bfloat16"), 3).texts,
            answers_of(*open("flamingo_mini_vqa", "cpu"), 3).texts);
}

TEST(OnTheFakeDevice, TwoSessionsInThreadsAnswerAsOneDoes) {
  const auto first = open("flamingo_mini_vqa", "fake"), second = open("flamingo_mini_caption", "fake");
  const Answers expected[] = {answers_of(*first, 1), answers_of(*second, 3)};
  Answers got[2];
  std::thread other([&] { got[0] = answers_of(*first, 1); });
  got[1] = answers_of(*second, 3);
  other.join();
  for (int i = 0; i < 2; ++i) EXPECT_EQ(got[i].ids, expected[i].ids);
}

TEST(OnTheFakeDevice, APictureThatWasEncodedIsNotEncodedAgain) {
  const auto session = open("flamingo_mini_caption", "fake");
  StageTimes times;
  CallOptions call;
  call.times = &times;
  const Request request = picture_request(kScene);
  const auto first = session->answer(request, call), second = session->answer(request, call);
  EXPECT_EQ(first.answer, second.answer);
  for (const auto& entry : times.entries()) {
    if (entry.stage == "vision") {
      EXPECT_EQ(entry.milliseconds.size(), 1u);
    }
  }
}

TEST(OnTheFakeDevice, TheCommandsTakeItByItsNameOnlyIfItIsLoaded) {
  const std::string asked =
      "infer flamingo_mini_vqa " + kScene + " --question 'what colour is the star?' --device fake";
  const auto refused = test::run_flam(asked);
  EXPECT_EQ(refused.status, 2);
  EXPECT_EQ(refused.err, "error: unknown device 'fake'; expected auto, cpu, cuda or cuda:N\n");
#ifdef FLAM_FAKE_DEVICE
  const std::string loaded = "LD_PRELOAD=" FLAM_FAKE_DEVICE " ";
  const auto answered = test::run_flam(asked, loaded);
  EXPECT_EQ(answered.out, "purple\n") << answered.err;
  const test::Scratch folder;
  const auto features = test::run_flam("features flamingo_mini_vqa " + kScene + " --device fake --output " +
                                           (folder / "out.safetensors").string(),
                                       loaded);
  EXPECT_EQ(features.status, 0) << features.err;
#endif
}

}  // namespace
}  // namespace flam
