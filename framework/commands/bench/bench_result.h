#pragma once
// What `flam bench` measured, and its form as JSON.

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "framework/commands/bench/spread.h"
#include "framework/commands/bench/stage_limit.h"
#include "framework/commands/bench/stages.h"

namespace flam {

/// One stage, for the whole batch.
struct StageResult {
  std::string name;
  Spread ms;
  StageLimit limit;             // the least time on this machine, with the medians of its speeds
  double flops = 0, bytes = 0;  // of one run
  double operators = 0;         // of libtorch that one run calls, views included; 0 in older results
  std::string item;             // what it works on: "picture" or "token"
  int64_t items = 0;            // of these in one run
  double fraction() const { return limit.ms() / ms.median; }
  double per_second() const { return 1e3 * static_cast<double>(items) / ms.median; }
};

struct FLAM_API BenchResult {
  std::string config;
  std::vector<std::string> set;  // `--set` assignments
  std::string weights;           // "random", "config" or the file of --weights
  std::string device;            // "cpu", "cuda:0"
  std::string dtype;
  std::string quantize;  // the value of --quantize, or "config" if weights.quantize asks for it; "": neither
  int64_t threads = 0;
  BenchShape shape;
  int64_t repeat = 0;
  Spread bytes_per_second, flops_per_second;  // of the machine
  int64_t buffer_bytes = 0;                   // that were read for it
  std::vector<StageResult> stages;

  const StageResult* find(const std::string& stage) const;  // null if it did not run
};

FLAM_API nlohmann::ordered_json bench_json(const BenchResult& result);
/// Reads what bench_json() wrote. `name` is for messages. Error: it is something else.
FLAM_API BenchResult read_bench(const std::string& json, const std::string& name);
/// A table for people to read.
FLAM_API std::string bench_text(const BenchResult& result);

}  // namespace flam
