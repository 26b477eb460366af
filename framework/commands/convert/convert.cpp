#include "framework/commands/convert/convert.h"

#include <set>

#include "framework/base/file.h"
#include "framework/base/hash.h"
#include "framework/base/text.h"
#include "framework/commands/convert/published_names.h"
#include "framework/config/config.h"
#include "framework/device/device.h"
#include "framework/device/dtype.h"
#include "framework/model/model.h"
#include "framework/recipe/outputs.h"
#include "framework/recipe/weights_files.h"
#include "framework/weights/quantize_weights.h"
#include "framework/weights/sources.h"

namespace flam {

namespace {

/// RunError: a number became infinite, because it is too large for the file's dtype.
void check_range(const WeightSlot& slot, const std::string& dtype) {
  if (slot.tensor.isfinite().all().item<bool>()) return;
  throw RunError(
      cat("tensor ", quoted(slot.name), " has values that are not finite in ", dtype,
          dtype == "float16" ? " (its largest number is 65504); use --dtype bfloat16 or float32" : ""));
}

/// The tensors to write. Error: a pattern matches none.
std::vector<WeightSlot*> chosen_slots(const WeightStore& store, const ConvertOptions& options) {
  std::vector<WeightSlot*> out;
  std::vector<bool> used(options.only.size());
  for (const auto& slot : store.slots()) {
    bool chosen = options.only.empty();
    for (size_t i = 0; i < used.size(); ++i) {
      if (!match_pattern(options.only[i], slot->name)) continue;
      chosen = used[i] = true;
    }
    if (chosen) out.push_back(slot.get());
  }
  for (size_t i = 0; i < used.size(); ++i) {
    if (!used[i])
      throw Error(cat("no tensor of the model matches --only ", quoted(options.only[i]),
                      " (`flam describe CONFIG --tensors` lists them)"));
  }
  return out;
}

/// Error: no file has one of the chosen tensors.
void require_origins(const std::vector<WeightSlot*>& slots, const ConvertOptions& options) {
  if (options.only.empty() || options.initialise_missing || options.run.weights == "random") return;
  for (const WeightSlot* slot : slots) {
    if (slot->origins.empty()) throw Error(cat("no file of weights has the tensor ", quoted(slot->name)));
  }
}

/// The one component whose tensors are written. Error: there are several.
std::string component_of(const std::vector<WeightSlot*>& slots) {
  std::set<std::string> components;
  for (const WeightSlot* slot : slots) components.insert(slot->name.substr(0, slot->name.find('.')));
  if (components.size() == 1) return *components.begin();
  throw Error(cat("--naming needs the tensors of one component, but those of ",
                  join({components.begin(), components.end()}, ", "),
                  " are written; choose one with --only, such "
                  "as --only 'language_decoder.*'"));
}

const NamingTable& table_of(const Model& model, const std::string& component, const std::string& name) {
  std::vector<std::string> known;
  for (const NamingTable& table : model.naming_tables(component)) {
    if (!table.architecture.empty()) continue;  // for GGUF files, which this command doesn't write
    if (table.name == name) return table;
    known.push_back(table.name);
  }
  throw Error(cat("the ", component, " has no naming ", quoted(name), did_you_mean(name, known),
                  " (known: ", known.empty() ? "none but its own names" : join(known, ", "), ")"));
}

}  // namespace

ConvertReport convert(const ConvertOptions& options) {
  const auto registry = open_registry(options.run.plugin_path);
  const RunConfig config = RunConfig::load(options.config, options.run.overrides, *registry);
  refuse_quantized(config.weights.quantize,
                   "`flam convert` writes numbers, and `flam quantize` quantised matrices");
  Outputs outputs;
  outputs.add_safetensors("OUTPUT", options.output, {"config", "model", "sources"});
  outputs.keep(config, options.run.weights);
  outputs.keep_other_content();
  require_overwrite(options.output, options.overwrite);
  const bool random = options.run.weights == "random";
  WeightsConfig weights = random ? WeightsConfig{} : weights_files(config, options.run.weights);
  require_files(weights);
  weights.may_lack = options.initialise_missing || !options.only.empty();
  const at::ScalarType dtype = config.dtype_of(options.run.dtype);
  { AtomicFile probe(options.output); }  // before the work, which would be lost
  const auto model = Model::assemble(config.model, *registry);
  const std::vector<WeightSlot*> slots = chosen_slots(model->weights(), options);
  const NamingTable* table = nullptr;
  std::string component;
  if (!options.naming.empty()) {
    component = component_of(slots);
    table = &table_of(*model, component, options.naming);
  }
  model->load(random ? nullptr : &weights, at::kCPU, dtype, options.run.weights_seed);
  require_origins(slots, options);
  for (const WeightSlot* slot : slots) {
    if (slot->quantized)
      throw Error(cat("the tensor ", quoted(slot->name), " is quantised in ",
                      printable(slot->origins.front().file->path().string(), 1000),
                      ", and `flam convert` writes numbers; name the files from which it was made"));
  }

  ConvertReport report;
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const WeightSlot* slot : slots) {
    check_range(*slot, dtype_name(dtype));
    tensors.emplace_back(slot->name, slot->tensor);
    report.bytes += static_cast<int64_t>(slot->tensor.nbytes());
    if (slot->origins.empty()) report.initialised.push_back(slot->name);
  }
  if (table) tensors = published_tensors(slots, component, *table);
  report.tensors = std::ssize(tensors);
  write_safetensors(options.output, tensors,
                    {{"format", "pt"},
                     {"config", config.name},
                     {"model", write_json(config.model.resolved())},
                     {"sources", sources_json(model->weights())}});
  return report;
}

}  // namespace flam
