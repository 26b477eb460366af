// Features of pictures that outlive the process.
#include "framework/session/disk_features.h"

#include <ATen/ops/rand.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/request/picture_request.h"
#include "framework/session/session.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class DiskFeaturesTest : public testing::Test {
 protected:
  std::vector<fs::path> files() const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::recursive_directory_iterator(folder_))
      if (entry.is_regular_file()) out.push_back(entry.path());
    return out;
  }

  test::Scratch scratch_;
  fs::path folder_ = scratch_ / "cache";
};

TEST_F(DiskFeaturesTest, KeepsThemForTheNextRun) {
  const at::Tensor features = at::rand({2, 3, 4});
  DiskFeatures(folder_, 1 << 20).add("a", features);
  DiskFeatures again(folder_, 1 << 20);
  EXPECT_TRUE(again.find("a").equal(features));
  EXPECT_FALSE(again.find("b").defined());
  EXPECT_EQ(files().size(), 1u);
}

TEST_F(DiskFeaturesTest, DamagedAndForeignEntriesAreRemoved) {
  DiskFeatures cache(folder_, 1 << 20);
  cache.add("a", at::rand({1, 3, 4}));
  const fs::path file = files().front();
  const std::string whole = read_file(file, 1 << 20);
  std::string other = whole;
  other.back() ^= 1;
  for (const std::string& bad :
       {other, whole.substr(0, whole.size() - 4), std::string("nonsense"), std::string()}) {
    write_file(file, bad);
    EXPECT_FALSE(cache.find("a").defined());
    EXPECT_FALSE(fs::exists(file));
  }
  cache.add("b", at::rand({1, 3, 4}));
  fs::create_directories(file.parent_path());
  fs::copy_file(files().front(), file);  // under the name of another key
  EXPECT_FALSE(cache.find("a").defined());
  EXPECT_TRUE(cache.find("b").defined());
}

TEST_F(DiskFeaturesTest, WhatWasUsedLongestAgoGivesWay) {
  const auto features = [] { return at::rand({1, 100, 100}); };  // 40 kB
  DiskFeatures cache(folder_, 150'000);
  const auto long_ago = fs::file_time_type::clock::now() - std::chrono::hours(2);
  for (const char* key : {"a", "b", "c"}) {
    cache.add(key, features());
    for (const fs::path& file : files())
      if (fs::last_write_time(file) > long_ago) fs::last_write_time(file, long_ago);
  }
  EXPECT_TRUE(cache.find("a").defined());  // used now
  cache.add("d", features());
  EXPECT_TRUE(cache.find("a").defined());
  EXPECT_TRUE(cache.find("d").defined());
  EXPECT_LT(files().size(), 4u);
}

TEST_F(DiskFeaturesTest, AFolderThatCannotBeMadeIsAnError) {
  write_file(scratch_ / "file", "x");
  EXPECT_THROW(DiskFeatures(scratch_ / "file", 1 << 20), Error);
}

class SessionWithCache : public DiskFeaturesTest {
 protected:
  struct Run {
    std::string answer;
    std::vector<std::string> stages;
  };
  Run run(const std::vector<std::string>& overrides = {}, const std::string& weights = "") const {
    RunOptions options;
    options.overrides = overrides;
    options.weights = weights;
    options.feature_cache = folder_.string();
    StageTimes times;
    CallOptions call;
    call.times = &times;
    const auto session = Session::open("flamingo_mini_caption", options);
    Run out{session->answer(picture_request(FLAM_SOURCE_DIR "/docs/images/scene.png"), call)
                .answer.front()
                .second,
            {}};
    for (const auto& entry : times.entries()) out.stages.push_back(entry.stage);
    return out;
  }
};

TEST_F(SessionWithCache, ASecondRunEncodesNoPicture) {
  const Run first = run();
  EXPECT_THAT(first.stages, Contains("vision"));
  const Run second = run({"generation.max_new_tokens=5"});
  EXPECT_THAT(second.stages, Not(Contains("vision")));
  EXPECT_THAT(second.stages, Not(Contains("decode")));
  EXPECT_TRUE(first.answer.starts_with(second.answer)) << first.answer << " / " << second.answer;
  EXPECT_EQ(run().answer, first.answer);
  EXPECT_EQ(files().size(), 1u);
}

TEST_F(SessionWithCache, OtherWeightsOrTransformsDoNotUseIt) {
  run();
  EXPECT_THAT(run({}, "random").stages, Contains("vision"));
  EXPECT_THAT(run({"transforms.0.interpolation=nearest"}).stages, Contains("vision"));
  EXPECT_EQ(files().size(), 3u);
}

}  // namespace
}  // namespace flam
