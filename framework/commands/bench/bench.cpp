#include "framework/commands/bench/bench.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/commands/bench/bench_compare.h"
#include "framework/commands/bench/machine_speed.h"
#include "framework/commands/bench/trace.h"
#include "framework/device/device.h"
#include "framework/device/device_memory.h"
#include "framework/device/dtype.h"
#include "framework/device/one_thread.h"
#include "framework/model/memory_need.h"
#include "framework/recipe/outputs.h"
#include "framework/recipe/weights_files.h"
#include "framework/report/json.h"
#include "framework/weights/quantize_weights.h"

namespace flam {

namespace {

constexpr size_t kMostOldBytes = size_t{16} << 20;
constexpr int64_t kTracedSteps = 3;

/// Error: the shape does not fit the model. Its weights are not needed.
void check_shape(const RunConfig& config, const Model& model, const BenchShape& shape) {
  const MediaLayout& layout = model.media_layout();
  const int64_t crops = shape.images > 0 ? layout.media_count(bench_plan(layout)) : 1;
  if (shape.prompt_tokens <= shape.images * crops) {
    throw Error(cat("--prompt-tokens ", shape.prompt_tokens,
                    " has no room for a token of text beside one for each of the ", shape.images,
                    " pictures of --images",
                    crops > 1 ? cat(", which are cut into ", crops, " crops each") : "",
                    "; give more tokens or fewer pictures"));
  }
  // An adapter may insert more positions, which is found when the prompt is embedded.
  const int64_t context = model.language_decoder().max_positions();
  if (const int64_t tokens = shape.prompt_tokens + shape.new_tokens; tokens > context) {
    throw Error(cat("--prompt-tokens ", shape.prompt_tokens, " and --new-tokens ", shape.new_tokens, " are ",
                    tokens, " tokens, but the context of ", config.model.language_decoder.label(), " has ",
                    context, "; give fewer"));
  }
}

/// Error: the run needs more memory than there is.
void require_memory_for(const RunConfig& config, Model& model, const BenchOptions& options) {
  const BenchShape& shape = options.shape;
  const at::Device device = resolve_device(options.session.device);
  const at::ScalarType dtype = config.dtype_of(options.session.dtype);
  const MediaPlan plan = bench_plan(model.media_layout());
  const int64_t more_markers = shape.images * (model.media_layout().media_count(plan) - 1);
  const RunSize size{shape.batch_size, shape.num_beams, shape.prompt_tokens - more_markers, shape.images,
                     shape.new_tokens};
  choose_schemes(model.weights(), config.quantize_of(options.session.quantize));
  MemoryNeed need;
  try {
    need = memory_need(model, nullptr, dtype, size, plan);
  } catch (const RunError&) {
    return;  // a component can't be run on the meta device, so nothing is known
  }
  if (fits(need, device)) return;
  if (options.session.weights != "random") {
    const WeightsConfig weights = weights_files(config, options.session.weights);
    require_files(weights);
    need.weights = weight_memory(model, &weights, device, dtype);
    need.weights_on_device = need.weights.allocated;
  }
  require_memory(need, size, device, dtype);
}

BenchResult description(const Session& session, const BenchOptions& options) {
  BenchResult out;
  out.config = session.config().name;
  out.set = options.session.overrides;
  out.weights = options.session.weights.empty() ? "config" : options.session.weights;
  out.device = session.model().device().str();
  out.dtype = dtype_name(session.model().dtype());
  if (session.config().weights.quantize.wanted())
    out.quantize = options.session.quantize.empty() ? "config" : options.session.quantize;
  out.threads = session.options().threads;
  out.shape = options.shape;
  out.repeat = options.repeat;
  return out;
}

/// What a stage works on, and how many of these in one run.
std::pair<const char*, int64_t> items_of(const std::string& stage, const BenchShape& shape) {
  if (stage == "prefill") return {"token", shape.batch_size * shape.prompt_tokens};
  if (stage == "decode_step") return {"token", shape.batch_size};
  return {"picture", shape.batch_size * shape.images};
}

std::map<std::string, StageWork> count_work(const BenchStages& stages, const BenchShape& shape,
                                            const std::function<bool()>& cancelled) {
  StageTimes ignored;
  OperatorRecorder recorder;
  stages.run(ignored, shape.new_tokens, &recorder, cancelled);
  std::map<std::string, StageWork> work;
  for (const RecordedStage& stage : recorder.stages()) add_run(work[stage.name], stage);
  return work;
}

void write_trace(const std::string& file, const BenchStages& stages, const BenchShape& shape,
                 const std::function<bool()>& cancelled) {
  StageTimes ignored;
  OperatorRecorder recorder;
  stages.run(ignored, std::min(shape.new_tokens, kTracedSteps), &recorder, cancelled);
  write_file(file, json_line(trace_json(recorder.stages())) + "\n");
}

void measure(const Session& session, const BenchOptions& options, const BenchHooks& hooks, BenchResult& out) {
  const ThreadCount computing(session.options().threads);
  const BenchStages stages(session, options.shape);
  auto work = count_work(stages, options.shape, hooks.cancelled);
  MachineSpeed machine =
      with_device_memory([&] { return MachineSpeed(session.model().device(), session.model().dtype()); });
  StageTimes times;
  for (int64_t round = 0; round < options.repeat; ++round) {
    machine.measure();
    stages.run(times, options.shape.new_tokens, nullptr, hooks.cancelled);
    if (hooks.progress) hooks.progress(round + 1, options.repeat);
  }
  out.bytes_per_second = spread_of(machine.bytes_per_second());
  out.flops_per_second = spread_of(machine.flops_per_second());
  out.buffer_bytes = machine.buffer_bytes();
  for (const StageTimes::Entry& entry : times.entries()) {
    StageResult stage;
    stage.name = entry.stage;
    stage.ms = spread_of(entry.milliseconds);
    stage.limit = limit_of(work[entry.stage], out.flops_per_second.median, out.bytes_per_second.median);
    stage.flops = work[entry.stage].flops();
    stage.bytes = work[entry.stage].bytes();
    stage.operators = work[entry.stage].operators();
    std::tie(stage.item, stage.items) = items_of(entry.stage, options.shape);
    if (stage.limit.ms() > 0) out.stages.push_back(std::move(stage));
  }
  if (!options.trace.empty()) write_trace(options.trace, stages, options.shape, hooks.cancelled);
}

}  // namespace

BenchReport bench(const BenchOptions& options, const BenchHooks& hooks) {
  BenchReport report;
  Outputs outputs;
  outputs.add("--trace", options.trace, Outputs::Content::trace);
  outputs.keep(options.compare);
  outputs.keep_other_content();
  if (!options.trace.empty()) const AtomicFile can_be_written(options.trace);
  if (!options.compare.empty())
    report.old = read_bench(read_file(options.compare, kMostOldBytes), options.compare);
  {
    const auto registry = open_registry(options.session.plugin_path);
    const RunConfig config = RunConfig::load(options.config, options.session.overrides, *registry);
    outputs.keep(config, options.session.weights);
    const auto model = Model::assemble(config.model, *registry);
    check_shape(config, *model, options.shape);
    require_memory_for(config, *model, options);
    report.result.config = config.name;
    report.result.set = options.session.overrides;
    report.result.shape = options.shape;
    if (report.old) check_comparable(*report.old, report.result, options.compare);
  }
  const auto session = hooks.open ? hooks.open(options.config, options.session)
                                  : Session::open(options.config, options.session);
  report.result = description(*session, options);
  measure(*session, options, hooks, report.result);
  return report;
}

}  // namespace flam
