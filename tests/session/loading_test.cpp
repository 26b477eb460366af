// Loading of pictures: they are measured first, decoded once, loaded while the model runs, and need bounded
// memory.
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>

#include "framework/base/file.h"
#include "framework/commands/explain/recording.h"
#include "framework/media/encode.h"
#include "framework/session/feature_cache.h"
#include "framework/session/loader_threads.h"
#include "framework/session/session_parts.h"
#include "tests/support/requests.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using testing::HasSubstr;

size_t count_of(const StageTimes& times, const std::string& stage) {
  for (const auto& entry : times.entries()) {
    if (entry.stage == stage) return entry.milliseconds.size();
  }
  return 0;
}

TEST(FeatureKeys, DependOnPictureFrameAndSetting) {
  const FeatureKeys keys("setting");
  EXPECT_EQ(keys.key("a"), FeatureKeys("setting").key("a", 0));
  EXPECT_NE(keys.key("a"), keys.key("b"));
  EXPECT_NE(keys.key("a"), keys.key("a", 1));
  EXPECT_NE(keys.key("a"), FeatureKeys("other").key("a"));
}

TEST(FeatureCache, EvictsTheLeastRecentlyUsedFeatures) {
  FeatureCache cache;
  for (int i = 0; i < 64; ++i) cache.add(std::to_string(i), at::full({1}, i));
  EXPECT_TRUE(cache.find("0").defined());  // used just now
  cache.add("64", at::full({1}, 64));
  EXPECT_TRUE(cache.find("0").defined());
  EXPECT_FALSE(cache.find("1").defined());
  EXPECT_EQ(cache.find("64").item().toLong(), 64);
}

TEST(FeatureCache, CountsCropsAndAlwaysKeepsTheLastPicture) {
  FeatureCache cache;
  cache.add("small", at::zeros({10, 2, 3}));
  cache.add("large", at::zeros({54, 2, 3}));
  EXPECT_TRUE(cache.find("small").defined());
  cache.add("one", at::zeros({1, 2, 3}));
  EXPECT_FALSE(cache.find("large").defined());
  EXPECT_TRUE(cache.find("small").defined());
  cache.add("huge", at::zeros({100, 2, 3}));
  EXPECT_TRUE(cache.find("huge").defined());
  EXPECT_FALSE(cache.find("one").defined());
}

TEST(LoaderThreads, RunEveryJobAndDropThemWhenDestroyed) {
  std::atomic<int> ran = 0;
  for (const int count : {0, 1, 3}) {
    ran = 0;
    LoaderThreads threads(count);
    std::vector<std::shared_future<void>> jobs;
    for (int i = 0; i < 20; ++i) {
      const auto job = std::make_shared<std::packaged_task<void()>>([&] { ++ran; });
      jobs.push_back(job->get_future().share());
      threads.add([job] { (*job)(); });
    }
    for (const auto& job : jobs) threads.wait(job);
    EXPECT_EQ(ran, 20) << count;
    for (int i = 0; i < 20; ++i) threads.add([] {});
  }
}

class Loading : public testing::Test {
 protected:
  std::string picture(const std::string& name, int64_t height, int64_t width, int value) {
    const std::string path = (scratch_.path() / name).string();
    write_file(path, encode_png({at::full({height, width, 3}, value, at::kByte)}));
    return path;
  }
  static std::shared_ptr<Session> open(const std::string& config = "flamingo_mini_caption") {
    RunOptions options;
    options.weights = "random";
    return Session::open(config, options);
  }
  test::Scratch scratch_;
};

TEST_F(Loading, ACachedPictureIsReadButNotDecoded) {
  const auto session = open();
  const std::string path = picture("a.png", 40, 60, 9);
  StageTimes times;
  CallOptions options;
  options.times = &times;
  session->answer(picture_request(path), options);
  session->answer(picture_request(path), options);
  const std::string copy = picture("copy.png", 40, 60, 9);
  session->answer(std::vector<Request>{picture_request(copy), picture_request(path)}, options);
  EXPECT_EQ(count_of(times, "decode"), 1u);
  EXPECT_EQ(count_of(times, "vision"), 1u);
  picture("a.png", 40, 60, 10);  // another picture at the same path
  session->answer(picture_request(path), options);
  EXPECT_EQ(count_of(times, "decode"), 2u);
}

TEST_F(Loading, ARepeatedPictureOfABatchIsDecodedOnce) {
  const auto session = open();
  const std::vector<Request> requests(9, picture_request(picture("a.png", 40, 60, 9)));
  StageTimes times;
  CallOptions options;
  options.times = &times;
  const auto outcomes = session->answer(requests, options);
  for (const Outcome& outcome : outcomes) EXPECT_EQ(outcome.answer, outcomes.front().answer);
  EXPECT_EQ(count_of(times, "decode"), 1u);
}

TEST_F(Loading, APictureThatIsDecodedAlreadyIsTheSameToSampling) {
  for (const char* dtype : {"float32", "bfloat16"}) {
    RunOptions opening;
    opening.dtype = dtype;
    const auto session = Session::open("flamingo_mini_caption", opening);
    const std::string path = FLAM_SOURCE_DIR "/docs/images/scene.png";
    Request decoded = picture_request(path);
    session->parts().media->decode(decoded.parts);
    ASSERT_TRUE(decoded.parts.front().pictures.front().picture.has_value());
    const auto seed_of = [&](const Request& request) {
      return row_seeds(session->parts().prepare(std::vector<Prompt>{prompt_of(session->task(request))}))
          .front();
    };
    static const uint64_t first = seed_of(decoded);
    EXPECT_EQ(seed_of(decoded), first) << dtype;
    EXPECT_EQ(seed_of(picture_request(path)), first) << dtype;
  }
}

// More pictures than are loaded and encoded together.
TEST_F(Loading, AManyPicturedBatchAnswersLikeItsRowsAlone) {
  const auto session = open();
  std::vector<Request> requests;
  for (int i = 0; i < 70; ++i)
    requests.push_back(picture_request(picture(std::to_string(i) + ".png", 20 + i, 50, 3 * i)));
  const auto together = session->answer(requests);
  for (const size_t row : {0u, 15u, 16u, 31u, 32u, 69u})
    EXPECT_EQ(together[row].answer, session->answer(requests[row]).answer) << row;
}

TEST_F(Loading, ADamagedPictureFailsOnlyItsRows) {
  const auto session = open();
  const std::string good = picture("good.png", 40, 60, 9), broken = (scratch_.path() / "broken.png").string();
  std::string bytes = read_file(good, 1 << 20);
  bytes[bytes.size() / 2] ^= 0x55;  // after the header
  write_file(broken, bytes);
  StageTimes times;
  CallOptions options;
  options.times = &times;
  const auto outcomes = session->answer(
      std::vector<Request>{picture_request(broken), picture_request(good), picture_request(broken)}, options);
  EXPECT_THAT(outcomes[0].error.value_or(""), HasSubstr("broken.png"));
  EXPECT_THAT(outcomes[2].error.value_or(""), HasSubstr("broken.png"));
  EXPECT_FALSE(outcomes[1].error.has_value());
  EXPECT_EQ(count_of(times, "prefill"), 1u);  // the batch was not run again row by row
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/// The peak memory in bytes since the last call.
int64_t peak_memory() {
  int64_t peak = 0;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) peak = std::stoll(line.substr(6)) * 1024;
  }
  std::ofstream("/proc/self/clear_refs") << "5";
  return peak;
}

// 40 pictures of 36 MB each: 1.4 GB, if a batch held them all.
TEST_F(Loading, ALargeBatchNeedsNoMoreMemoryThanASmallOne) {
  const auto session = open();
  const std::string bytes = encode_png({at::full({3000, 4000, 3}, 7, at::kByte)});
  std::vector<Request> requests;
  for (int i = 0; i < 46; ++i) {
    const std::string path = (scratch_.path() / (std::to_string(i) + ".png")).string();
    write_file(path, bytes + std::string(static_cast<size_t>(i + 1), '\n'));  // another file each time
    requests.push_back(picture_request(path));
  }
  session->answer(std::span(requests).first(2));
  peak_memory();
  session->answer(std::span(requests).subspan(2, 4));
  const int64_t of_four = peak_memory();
  for (const Outcome& outcome : session->answer(std::span(requests).subspan(6)))
    EXPECT_FALSE(outcome.error.has_value()) << *outcome.error;
  EXPECT_LT(peak_memory(), of_four + (int64_t{200} << 20));
}
#endif

// Eleven pictures of 100 megapixels must be rejected by the sum of the sizes in their headers, without being
// decoded.
TEST_F(Loading, ThePixelLimitHoldsForAllInputs) {
  const auto session = open();
  Request large;
  large.id = "large";
  for (int i = 0; i < 11; ++i) {
    PictureSource source{"(large)", nullptr,
                         Picture{at::zeros({1, 1, 1}, at::kByte).expand({10'000, 10'000, 3})}};
    large.parts.push_back({Part::Kind::image, "", {source}});
    if (i < 10) large.parts.push_back({Part::Kind::text, "a shot", {}});
  }
  const Task task = session->task_head().task(large);
  const auto is_refused = [](const std::string& error) {
    EXPECT_THAT(error, HasSubstr("more than 1000 megapixels together"));
  };
  is_refused(session->answer(std::vector<Request>{large}).front().error.value_or(""));
  is_refused(session->run(std::vector<Task>{task}).front().error.value_or(""));
  is_refused(error_of([&] { session->parts().prepare(std::vector<Prompt>{prompt_of(task)}); }));
  is_refused(error_of([&] { record_answer(*session, prompt_of(task), std::vector<int64_t>{5}); }));
}

}  // namespace
}  // namespace flam
