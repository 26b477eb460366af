#include "framework/commands/quantize/quantize_model.h"

#include <filesystem>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/model/model.h"
#include "framework/recipe/outputs.h"
#include "framework/recipe/run_config.h"
#include "framework/recipe/weights_files.h"
#include "framework/weights/quantized_file.h"
#include "framework/weights/sources.h"

namespace flam {

QuantizeReport quantize_model(const QuantizeOptions& options) {
  const auto registry = open_registry(options.run.plugin_path);
  const RunConfig config = RunConfig::load(options.config, options.run.overrides, *registry);
  const QuantizeConfig quantize = config.quantize_of(options.run.quantize);
  if (!quantize.wanted())
    throw Error(
        "nothing is to be quantised: the config has no weights.quantize; give --quantize int8 or int4");
  require_overwrite(options.output, options.overwrite);
  Outputs outputs;
  outputs.add_safetensors("OUTPUT", options.output, {"config", "model", "sources"});
  outputs.keep(config, options.run.weights);
  outputs.keep_other_content();
  const bool random = options.run.weights == "random";
  const WeightsConfig weights = random ? WeightsConfig{} : weights_files(config, options.run.weights);
  require_files(weights);
  const at::ScalarType dtype = config.dtype_of(options.run.dtype);
  { AtomicFile probe(options.output); }  // before the work, which would be lost
  const auto model = Model::assemble(config.model, *registry);

  QuantizeReport report;
  report.left = choose_schemes(model->weights(), quantize);
  model->load(random ? nullptr : &weights, at::kCPU, dtype, options.run.weights_seed);
  QuantizedTensors file = quantized_tensors(model->weights());
  file.metadata.merge(std::map<std::string, std::string>{{"format", "pt"},
                                                         {"config", config.name},
                                                         {"model", write_json(config.model.resolved())},
                                                         {"sources", sources_json(model->weights())}});
  for (const auto& slot : model->weights().slots()) report.matrices += slot->quantized ? 1 : 0;
  for (const auto& [name, tensor] : file.tensors) report.bytes += static_cast<int64_t>(tensor.nbytes());
  report.tensors = std::ssize(file.tensors);
  write_safetensors(options.output, file.tensors, file.metadata);
  return report;
}

}  // namespace flam
