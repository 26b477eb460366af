#include "framework/commands/bench/few_shot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "framework/base/interrupted.h"

namespace flam {
namespace {

FewShotOptions small(const char* config) {
  FewShotOptions options;
  options.config = config;
  options.session.weights = "random";
  options.session.threads = 1;
  options.shots = 2;
  options.queries = 3;
  options.new_tokens = 2;
  return options;
}

TEST(FewShot, TimesQueriesWithAndWithoutAContext) {
  for (const char* config : {"flamingo_mini_caption", "flamingo_mini_vqa"}) {
    const FewShotOptions options = small(config);
    int64_t asked = 0;
    BenchHooks hooks;
    hooks.progress = [&](int64_t done, int64_t) { asked = done; };
    const FewShotResult result = time_few_shot(options, hooks);
    EXPECT_EQ(asked, 3);
    EXPECT_EQ(result.kept.runs, 3);
    EXPECT_EQ(result.whole.runs, 3);
    EXPECT_GT(result.kept.median, 0);
    EXPECT_GT(result.kept_tokens, 0);
    EXPECT_LT(result.kept_tokens, result.prompt_tokens);
    EXPECT_THAT(few_shot_text(options, result), testing::HasSubstr("2 shots, 3 queries, num_beams 1"));
    EXPECT_EQ(few_shot_json(options, result)["ratio"], result.ratio());
  }
}

TEST(FewShot, MayBeInterrupted) {
  BenchHooks hooks;
  hooks.cancelled = [] { return true; };
  EXPECT_THROW(time_few_shot(small("flamingo_mini_caption"), hooks), Interrupted);
}

}  // namespace
}  // namespace flam
