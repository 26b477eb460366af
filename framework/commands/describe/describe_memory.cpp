#include "framework/commands/describe/describe_memory.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "framework/base/text.h"
#include "framework/commands/describe/describe.h"
#include "framework/device/dtype.h"
#include "framework/device/free_memory.h"
#include "framework/generate/generate.h"
#include "framework/weights/quantize_weights.h"

namespace flam {

MemoryDescription describe_memory(const RunConfig& config, const Registry& registry,
                                  const MemoryOptions& options) {
  const auto model = Model::assemble(config.model, registry);
  choose_schemes(model->weights(), config.weights.quantize);
  const auto files = existing_files(config, options.weights);
  const at::ScalarType dtype = config.dtype_of(options.dtype);
  MemoryDescription out;
  out.dtype = dtype_name(dtype);
  out.from_files = files.has_value();
  GenerationParams params = config.generation;
  if (options.num_beams) params.num_beams = *options.num_beams;
  const MediaPlan plan = largest_plan(model->media_layout());
  const int64_t markers = options.images * model->media_layout().media_count(plan);
  const int64_t positions = options.prompt_tokens - options.images +
                            markers * (1 + (markers > 0 ? model->inserted_positions() : 0));
  const int64_t left = model->language_decoder().max_positions() - positions;
  out.size = {options.batch_size, rows_per_prompt(params), options.prompt_tokens, options.images,
              options.new_tokens.value_or(std::clamp<int64_t>(left, 0, params.max_new_tokens))};
  const auto predict = [&](const WeightsConfig* of) {
    try {
      out.need = memory_need(*model, of, dtype, out.size, plan);
    } catch (const RunError& error) {
      out.problem = error.what();
    }
  };
  try {
    predict(files ? &*files : nullptr);
  } catch (const Error&) {
    if (!files || !options.weights.empty()) throw;
    out.from_files = false;  // the config's files are of another structure, which is no matter here
    predict(nullptr);
  }
  return out;
}

std::string memory_text(const MemoryDescription& description) {
  const MemoryNeed& need = description.need;
  const RunSize& size = description.size;
  if (!description.problem.empty()) return cat("memory: not known, since ", description.problem, "\n");
  const MemoryNeed::Stage& stage = need.largest_stage();
  std::ostringstream out;
  out << "memory in " << description.dtype << ", for " << counted(size.batch_size, "prompt") << " of "
      << counted(size.prompt_tokens, "token") << " with " << counted(size.images, "picture") << ", "
      << counted(size.num_beams, "beam") << ", " << counted(size.new_tokens, "new token") << ":\n"
      << "  weights                  " << bytes_text(need.weights.allocated)
      << (description.from_files
              ? cat(" allocated, ", bytes_text(need.weights.mapped), " read from mapped files")
              : " allocated, as with random weights")
      << "\n"
      << "  keys and values          " << bytes_text(need.kv_cache) << ", and of media "
      << bytes_text(need.media_keys_values) << "\n"
      << "  largest stage            " << stage.name << ", " << bytes_text(stage.bytes + stage.host) << "\n"
      << "  libtorch and plugins     " << bytes_text(need.program) << "\n"
      << "  peak                     " << bytes_text(need.resident()) << " on a CPU; "
      << bytes_text(need.on_device()) << " of a device's memory\n";
  return out.str();
}

nlohmann::ordered_json memory_json(const MemoryDescription& description) {
  const MemoryNeed& need = description.need;
  const RunSize& size = description.size;
  if (!description.problem.empty()) return {{"problem", description.problem}};
  nlohmann::ordered_json out = {{"dtype", description.dtype},
                                {"batch_size", size.batch_size},
                                {"num_beams", size.num_beams},
                                {"prompt_tokens", size.prompt_tokens},
                                {"images", size.images},
                                {"new_tokens", size.new_tokens},
                                {"weights_allocated", need.weights.allocated},
                                {"weights_mapped", need.weights.mapped},
                                {"kv_cache", need.kv_cache},
                                {"media_keys_values", need.media_keys_values}};
  for (const MemoryNeed::Stage& stage : need.stages) out["stages"][stage.name] = stage.bytes + stage.host;
  out["program"] = need.program;
  out["peak"] = need.resident();
  out["device_peak"] = need.on_device();
  return out;
}

}  // namespace flam
