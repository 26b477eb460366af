// Runs one unit of an experiment (training, evaluation or timing) and stores its result.

#include "framework/commands/compare/compare_unit.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>

#include "framework/base/file.h"
#include "framework/base/hash.h"
#include "framework/base/machine.h"
#include "framework/base/text.h"
#include "framework/commands/bench/answer_times.h"
#include "framework/commands/bench/spread.h"
#include "framework/commands/evaluate/evaluate.h"
#include "framework/commands/evaluate/predictions.h"
#include "framework/config/config.h"
#include "framework/media/decode.h"
#include "framework/media/encode.h"
#include "framework/media/resize.h"
#include "framework/report/json.h"
#include "framework/train/train.h"

namespace flam {

namespace {

using Json = nlohmann::ordered_json;
constexpr int64_t kPictureEdge = 160;

int64_t peak_of_process() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

Json as_json(const std::vector<std::pair<std::string, double>>& named) {
  Json out = Json::object();
  for (const auto& [name, value] : named) out[name] = value;
  return out;
}

/// The learning curve, with a line for each report. It is stored in its own file, so that a run that
/// continues from a checkpoint also has the part before.
class Curve {
 public:
  explicit Curve(const CompareUnit& unit) : file_(unit.file(".curve")), points_(unit.curve()) {
    before_ = points_.empty() ? 0 : points_.back().value("seconds", 0.0);
  }

  void add(const TrainProgress& report) {
    const auto later = [&](const Json& point) { return point["step"] >= report.step; };
    points_.erase(std::remove_if(points_.begin(), points_.end(), later), points_.end());
    points_.push_back({{"step", report.step},
                       {"seconds", before_ + report.seconds},
                       {"losses", as_json(report.losses)},
                       {"gradient_norm", report.gradient_norm}});
    std::string text;
    for (const Json& point : points_) text += json_line(point) + "\n";
    write_file(file_, text);
  }

  const std::vector<Json>& points() const { return points_; }

 private:
  std::filesystem::path file_;
  std::vector<Json> points_;
  double before_ = 0;
};

bool train_unit(const CompareUnit& unit, const RunOptions& session, const UnitOptions& options,
                Json& result) {
  Curve curve(unit);
  TrainHooks hooks;
  int64_t left_out = 0;
  hooks.loaded = [&](int64_t count) { left_out = count; };
  hooks.log = [&](const TrainProgress& report) { curve.add(report); };
  hooks.progress = options.progress;
  hooks.cancelled = options.cancelled;
  if (!train(unit.file(".yaml").native(), session, hooks, /*overwrite=*/true)) return false;
  if (curve.points().empty()) throw RunError("training ended without a report");
  const Json& last = curve.points().back();
  result["steps"] = last["step"];
  result["training_seconds"] = last["seconds"];
  result["losses"] = last["losses"];
  result["left_out"] = left_out;
  result["curve"] = curve.points();
  return true;
}

/// Shrinks a picture so that its longer edge has at most kPictureEdge pixels.
Picture shrunk(const Picture& picture) {
  const int64_t longest = std::max(picture.height(), picture.width());
  if (longest <= kPictureEdge) return picture;
  const auto side = [&](int64_t length) { return std::max<int64_t>(1, length * kPictureEdge / longest); };
  return {resize_like_pillow(picture.rgb, side(picture.height()), side(picture.width()),
                             Interpolation::bilinear)};
}

std::string picture_of(const Request& request, const DecodeOptions& options) {
  const PictureSource* last = nullptr;
  for (const Part& part : request.parts)
    if (!part.pictures.empty()) last = &part.pictures.front();
  if (!last || last->features.defined()) return "";
  return "data:image/png;base64," + base64(encode_png(shrunk(load_picture(*last, options))));
}

bool evaluate_unit(const CompareUnit& unit, int64_t pictures, const RunOptions& session,
                   const UnitOptions& options, Json& result) {
  const auto opened = Session::open(unit.file(".yaml").native(), session);
  EvaluateOptions evaluation;
  if (unit.task.limit > 0) evaluation.limit = unit.task.limit;
  evaluation.batch_size = unit.task.batch_size;
  evaluation.blind = unit.task.blind;
  evaluation.progress = [&](int64_t done, int64_t total, int64_t) {
    if (options.progress) options.progress(done, total);
  };
  evaluation.cancelled = options.cancelled;
  result["shown"] = Json::array();
  evaluation.on_answer = [&](const Record& record, const Prediction& prediction) {
    if (std::ssize(result["shown"]) >= pictures) return;
    result["shown"].push_back({{"id", record.request.id},
                               {"question", question_of(record.request)},
                               {"references", record.references},
                               {"answer", prediction.text},
                               {"picture", picture_of(record.request, opened->config().pictures)}});
  };
  Evaluation scored;
  try {
    scored = evaluate(*opened, evaluation);
  } catch (const RunError&) {
    if (options.cancelled && options.cancelled()) return false;
    throw;
  }
  const auto scores_of = [&](const EvaluatedPass& pass, const std::string& control) {
    if (pass.failed > 0) {
      throw RunError(cat(pass.failed, " of ", scored.n, " records can't be answered", control,
                         ", the first: ", pass.failures.front()));
    }
    return as_json(pass.scores);
  };
  result["records"] = scored.n;
  result["scores"] = scores_of(scored.answers, "");
  for (const auto& [name, pass] : scored.controls)
    result["controls"][name] = scores_of(pass, cat(" in the control ", quoted(name)));
  for (const auto& [name, pass] : scored.by_kind) result["by_kind"][name] = as_json(pass.scores);
  return true;
}

bool bench_unit(const CompareUnit& unit, const ExperimentBench& bench, const RunOptions& session,
                const UnitOptions& options, Json& result) {
  const auto opened = Session::open(unit.file(".yaml").native(), session);
  const AnswerTimesOptions timing{bench.records, bench.warmup, bench.new_tokens, options.progress,
                                  options.cancelled};
  const std::optional<AnswerTimes> times = time_answers(*opened, timing);
  if (!times) return false;
  result["latency_ms"] = median(times->milliseconds);
  result["milliseconds"] = times->milliseconds;
  for (const auto& entry : times->stages) result["stages_ms"][entry.stage] = median(entry.milliseconds);
  return true;
}

}  // namespace

bool run_unit(const CompareUnit& unit, const Experiment& experiment, const UnitOptions& options) {
  write_file(unit.file(".yaml"), write_yaml(unit.config));
  RunOptions session;
  session.plugin_path = options.plugin_path;
  session.threads = options.threads;
  session.weights_seed = static_cast<uint64_t>(options.seed);
  if (unit.random_weights) session.weights = "random";
  Json result = {{"unit", unit.name}, {"key", unit.key}, {"seed", options.seed}};
  const auto start = std::chrono::steady_clock::now();
  bool finished = false;
  switch (unit.kind) {
    case CompareUnit::Kind::train:
      finished = train_unit(unit, session, options, result);
      break;
    case CompareUnit::Kind::evaluate:
      finished = evaluate_unit(unit, experiment.pictures, session, options, result);
      break;
    case CompareUnit::Kind::bench:
      finished = bench_unit(unit, experiment.bench, session, options, result);
      break;
  }
  if (!finished) return false;
  result["version"] = FLAM_VERSION;
  result["date"] = utc_now();
  result["machine"] = machine_name();
  result["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result["peak_memory_bytes"] = peak_of_process();
  write_file(unit.file(".json"), json_lines(result, 1));
  unit.forget_failure();
  return true;
}

}  // namespace flam
