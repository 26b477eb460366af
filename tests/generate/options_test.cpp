// Options without an effect are reported, and contradictory options are errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/generate/generate.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> idle(const GenerationParams& params) {
  std::vector<std::string> names;
  for (const IdleOption& option : idle_options(params)) names.push_back(option.name);
  return names;
}

TEST(IdleOptions, DefaultsAreNotListed) {
  EXPECT_THAT(idle({}), ElementsAre());
}

TEST(IdleOptions, ListsSamplingOptionsWithoutSampling) {
  GenerationParams p;
  p.temperature = 0.5;
  p.top_k = 10;
  p.top_p = 0.9;
  p.seed = 3;
  EXPECT_THAT(idle(p), ElementsAre("temperature", "top_k", "top_p"));
  EXPECT_EQ(idle_options(p)[0].why, "temperature is 0.5, which changes nothing without do_sample: true");
  p.do_sample = true;
  EXPECT_THAT(idle(p), ElementsAre());
}

TEST(IdleOptions, ListsBeamOptionsWithoutBeams) {
  GenerationParams p;
  p.length_penalty = -2;
  p.early_stopping = true;
  EXPECT_THAT(idle(p), ElementsAre("length_penalty", "early_stopping"));
  p.num_beams = 3;
  EXPECT_THAT(idle(p), ElementsAre());
  p.do_sample = true;
  EXPECT_THAT(idle(p), ElementsAre("num_beams", "length_penalty", "early_stopping"));
}

TEST(IdleOptions, ListsMinNewTokensWithoutStopTokens) {
  GenerationParams p;
  p.min_new_tokens = 4;
  EXPECT_THAT(idle(p), ElementsAre());
  p.stop_tokens.clear();
  EXPECT_THAT(idle(p), ElementsAre("min_new_tokens"));
}

TEST(CheckGeneration, MoreSequencesThanBeamsNeedSampling) {
  GenerationParams p;
  p.n_best = 4;
  p.num_beams = 3;
  EXPECT_THAT(test::error_of([&] { check_generation(p); }),
              HasSubstr("n_best is 4, but a search with num_beams 3 finds at most 3 sequences"));
  p.do_sample = true;
  check_generation(p);
}

}  // namespace
}  // namespace flam
