#pragma once
// Measures how long a query after shots takes, with the shots kept as a context and without.

#include "framework/commands/bench/bench.h"

namespace flam {

struct FewShotOptions {
  std::string config;
  RunOptions session;
  int64_t shots = 4;
  int64_t queries = 100;  // each with a picture of its own
  int64_t num_beams = 1;
  int64_t new_tokens = 20;  // every answer has exactly this many tokens
};

struct FewShotResult {
  Spread kept, whole;     // milliseconds of a query: with a kept context, and with the whole prompt run anew
  double context_ms = 0;  // that making the context took
  int64_t kept_tokens = 0, prompt_tokens = 0;
  double ratio() const { return whole.median / kept.median; }
};

/// Asks every query twice, with the context and without, one after the other. Pictures are in memory. Without
/// the context, the features of the shots' pictures are known from the query before, as in any session.
/// Error: the config has no `task_head`, or its head does not take the shots. Interrupted: `cancelled`
/// returned true.
FLAM_API FewShotResult time_few_shot(const FewShotOptions& options, const BenchHooks& hooks = {});

FLAM_API std::string few_shot_text(const FewShotOptions& options, const FewShotResult& result);
FLAM_API nlohmann::ordered_json few_shot_json(const FewShotOptions& options, const FewShotResult& result);

}  // namespace flam
