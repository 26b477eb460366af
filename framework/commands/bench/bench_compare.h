#pragma once
// Two results of `flam bench`, and which stages differ by more than noise.

#include "framework/commands/bench/bench_result.h"

namespace flam {

struct StageChange {
  enum class Verdict { faster, slower, within_noise, only_before, only_now };
  std::string stage;
  double old_ms = 0, ms = 0;  // 0 where the stage did not run
  /// The time that the machine's own change explains: the old stage's limit with today's speeds of the
  /// machine, divided by its limit then. 1 if device, dtype or number of threads differ.
  double machine_ratio = 1;
  Verdict verdict = Verdict::within_noise;
};
FLAM_API const char* verdict_name(StageChange::Verdict verdict);

/// Error: the old result, which was read from the file `name`, is of another config or of other work.
FLAM_API void check_comparable(const BenchResult& old, const BenchResult& now, const std::string& name);

/// The stages in the order of `now`. A stage is faster or slower if 5% or more are between the quartiles of
/// its times, both as they are and with the old ones scaled by `machine_ratio`.
FLAM_API std::vector<StageChange> compare_results(const BenchResult& old, const BenchResult& now);

FLAM_API nlohmann::ordered_json changes_json(const BenchResult& old, const BenchResult& now);
FLAM_API std::string changes_text(const BenchResult& old, const BenchResult& now);

}  // namespace flam
