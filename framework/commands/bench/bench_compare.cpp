#include "framework/commands/bench/bench_compare.h"

#include <algorithm>
#include <iomanip>
#include <nlohmann/json.hpp>

#include "framework/base/error.h"
#include "framework/base/text.h"
#include "framework/report/figures.h"

namespace flam {

namespace {

using Verdict = StageChange::Verdict;

// The medians of two processes differ by a few percent even if the quartiles of each are narrower.
constexpr double kLeastChange = 1.05;

/// What differs in how the two were measured: "dtype float32 → bfloat16".
std::vector<std::string> differences(const BenchResult& old, const BenchResult& now) {
  std::vector<std::string> out;
  const auto add = [&](const char* what, const auto& before, const auto& after) {
    if (before != after) out.push_back(cat(what, " ", printable(cat(before)), " → ", printable(cat(after))));
  };
  add("device", old.device, now.device);
  add("dtype", old.dtype, now.dtype);
  add("quantize", old.quantize, now.quantize);
  add("threads", old.threads, now.threads);
  add("weights", old.weights, now.weights);
  return out;
}

double machine_ratio(const BenchResult& old, const BenchResult& now, const StageResult& stage) {
  if (old.device != now.device || old.dtype != now.dtype || old.threads != now.threads) return 1;
  const double matrix = old.flops_per_second.median / now.flops_per_second.median,
               memory = old.bytes_per_second.median / now.bytes_per_second.median;
  return (stage.limit.matrix_ms * matrix + stage.limit.memory_ms * memory) / stage.limit.ms();
}

StageChange change_of(const BenchResult& old, const BenchResult& now, const StageResult& before,
                      const StageResult& after) {
  StageChange out{after.name, before.ms.median, after.ms.median, machine_ratio(old, now, before)};
  const auto [least, most] = std::minmax({1.0, out.machine_ratio});
  if (kLeastChange * after.ms.q3 < before.ms.q1 * least) out.verdict = Verdict::faster;
  if (after.ms.q1 > kLeastChange * before.ms.q3 * most) out.verdict = Verdict::slower;
  return out;
}

}  // namespace

const char* verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::faster:
      return "faster";
    case Verdict::slower:
      return "slower";
    case Verdict::within_noise:
      return "within noise";
    case Verdict::only_before:
      return "only before";
    case Verdict::only_now:
      return "only now";
  }
  return "";
}

void check_comparable(const BenchResult& old, const BenchResult& now, const std::string& name) {
  if (old.config != now.config)
    throw Error(cat("--compare ", quoted(name), " is of the config ", quoted(old.config), ", not of ",
                    quoted(now.config), "; only results of one config are compared"));
  if (old.set != now.set)
    throw Error(cat("--compare ", quoted(name), " was measured with other values of --set (",
                    old.set.empty() ? "none" : printable(join(old.set, ", ")), "); give the same ones"));
  const auto same = [&](const char* option, int64_t before, int64_t after) {
    if (before != after)
      throw Error(cat("--compare ", quoted(name), " was measured with ", option, " ", before, ", not ", after,
                      "; only equal work is compared, so give the same"));
  };
  same("--prompt-tokens", old.shape.prompt_tokens, now.shape.prompt_tokens);
  same("--images", old.shape.images, now.shape.images);
  same("--new-tokens", old.shape.new_tokens, now.shape.new_tokens);
  same("--num-beams", old.shape.num_beams, now.shape.num_beams);
  same("--batch-size", old.shape.batch_size, now.shape.batch_size);
}

std::vector<StageChange> compare_results(const BenchResult& old, const BenchResult& now) {
  std::vector<StageChange> out;
  for (const StageResult& after : now.stages) {
    if (const StageResult* before = old.find(after.name)) {
      out.push_back(change_of(old, now, *before, after));
    } else {
      out.push_back({after.name, 0, after.ms.median, 1, Verdict::only_now});
    }
  }
  for (const StageResult& before : old.stages) {
    if (!now.find(before.name)) out.push_back({before.name, before.ms.median, 0, 1, Verdict::only_before});
  }
  return out;
}

nlohmann::ordered_json changes_json(const BenchResult& old, const BenchResult& now) {
  nlohmann::ordered_json out = {{"differs", differences(old, now)}};
  out["stages"] = nlohmann::ordered_json::object();
  for (const StageChange& change : compare_results(old, now)) {
    out["stages"][change.stage] = {{"old_ms", change.old_ms},
                                   {"ms", change.ms},
                                   {"machine_ratio", change.machine_ratio},
                                   {"verdict", verdict_name(change.verdict)}};
  }
  return out;
}

std::string changes_text(const BenchResult& old, const BenchResult& now) {
  std::ostringstream out;
  const std::vector<std::string> differ = differences(old, now);
  out << "compared with the old result" << (differ.empty() ? "" : " (" + join(differ, ", ") + ")") << ":\n"
      << std::left << std::setw(14) << "stage" << std::right << std::setw(10) << "old ms" << std::setw(10)
      << "ms" << std::setw(10) << "ratio" << std::setw(10) << "machine"
      << "  verdict\n";
  for (const StageChange& change : compare_results(old, now)) {
    const bool both = change.old_ms > 0 && change.ms > 0;
    out << std::left << std::setw(14) << printable(change.stage) << std::right << std::setw(10)
        << (change.old_ms > 0 ? significant(change.old_ms, 3) : "-") << std::setw(10)
        << (change.ms > 0 ? significant(change.ms, 3) : "-") << std::setw(10)
        << (both ? significant(change.ms / change.old_ms, 3) : "-") << std::setw(10)
        << (both ? significant(change.machine_ratio, 3) : "-") << "  " << verdict_name(change.verdict)
        << "\n";
  }
  return out.str();
}

}  // namespace flam
