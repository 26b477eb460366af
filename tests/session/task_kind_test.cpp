#include "framework/session/task_kind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/session/session.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;

/// Calls `use` with the head of a config whose weights are missing. Returns the error of the opening.
std::string with_head_of(const std::string& config, const std::vector<std::string>& overrides,
                         const std::function<void(const TaskHead&)>& use) {
  RunOptions options;
  options.overrides = overrides;
  options.overrides.emplace_back("weights.root=/nowhere");
  options.before_loading = [&](const RunConfig&, const TaskHead* head) { use(*head); };
  return error_of([&] { Session::open(config, options); });
}

TaskKind kind_of(const std::string& config, const std::vector<std::string>& overrides = {}) {
  TaskKind kind = TaskKind::unknown;
  const std::string error =
      with_head_of(config, overrides, [&](const TaskHead& head) { kind = task_kind(head); });
  EXPECT_THAT(error, testing::HasSubstr("/nowhere"));  // the hook comes before the weights are missed
  return kind;
}

TEST(TaskKind, IsFoundWithoutAModel) {
  EXPECT_EQ(kind_of("flamingo_mini_caption"), TaskKind::generate);
  EXPECT_EQ(kind_of("flamingo_mini_vqa"), TaskKind::generate);
  EXPECT_EQ(kind_of("flamingo_mini_vqa", {"task_head.require_shots=true"}), TaskKind::generate);
  EXPECT_EQ(kind_of("smolvlm_256m_instruct"), TaskKind::generate);
  EXPECT_EQ(kind_of("flamingo_mini_ranking"), TaskKind::score);
  EXPECT_EQ(kind_of("flamingo_mini_ranking", {"task_head.candidates=[yes, no]"}), TaskKind::score);
}

TEST(TaskKind, ParametersOfGenerationAreCheckedWhereTheyAreUsed) {
  GenerationParams params;
  params.n_best = 2;  // of one beam
  const auto refused = [&](const char* config) {
    std::string error;
    with_head_of(config, {},
                 [&](const TaskHead& head) { error = error_of([&] { check_generation(params, head); }); });
    return error;
  };
  EXPECT_THAT(refused("flamingo_mini_caption"), testing::HasSubstr("n_best is 2"));
  EXPECT_EQ(refused("flamingo_mini_ranking"), "");
}

}  // namespace
}  // namespace flam
