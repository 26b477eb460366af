// Session::open: opens registry, config, components and weights.
#include <ATen/Parallel.h>

#include <algorithm>
#include <set>

#include "framework/base/file.h"
#include "framework/base/hash.h"
#include "framework/base/log.h"
#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/device/device.h"
#include "framework/device/device_memory.h"
#include "framework/device/one_thread.h"
#include "framework/device/threads.h"
#include "framework/model/memory_need.h"
#include "framework/recipe/paths.h"
#include "framework/recipe/weights_files.h"
#include "framework/session/session_parts.h"
#include "framework/weights/quantize_weights.h"

namespace flam {

namespace {

std::unique_ptr<StepGraphs> open_step_graphs(Registry& registry, at::Device device) {
  if (!device.is_cuda())
    throw Error(cat("CUDA graphs need a CUDA device, found ", quoted(device.str()), "; give --device cuda"));
  const auto known = registry.list(StepGraphs::kKind);
  if (known.empty()) {
    throw Error(
        "CUDA graphs need the plugin 'cuda_graph', which was not found; it is built only if the CUDA headers "
        "are installed (docs/cuda.md)");
  }
  Value node = Value::map({});
  node.set("type", known.front().name);
  ErrorList errors;
  const ComponentConfig config = registry.parse(StepGraphs::kKind, node, errors);
  errors.throw_if_any();
  return registry.build<StepGraphs>(config, {device});
}

/// The tokens that the config refers to and that are not added ones, so that they are in the tokenizer's
/// file.
Value base_tokens(const Value& tokenizer, std::vector<std::string> names) {
  for (const char* key : {"image_token", "pad_token"}) {
    if (const Value* name = tokenizer.find(key)) names.push_back(name->as_string());
  }
  std::set<std::string> known;
  if (const Value* added = tokenizer.find("added_tokens")) {
    for (const Value& token : added->as_list()) known.insert(token.as_string());
  }
  Value out = Value::list();
  for (const std::string& name : names) {
    if (known.insert(name).second) out.as_list().emplace_back(name);
  }
  return out;
}

/// With random weights, no real tokenizer is needed. If the tokenizer's file does not exist, it is replaced
/// by the tokenizer 'placeholder' with the same vocabulary size.
void replace_missing_tokenizer(RunConfig& config, Registry& registry) {
  const Value wanted = config.model.tokenizer.resolved();
  const Value* file = wanted.find("model");
  std::error_code problem;
  if (!file ||
      std::filesystem::exists(std::filesystem::path(config.weights.root) / file->as_string(), problem))
    return;
  log_warn(cat("no tokenizer file ", quoted(file->as_string()),
               "; with random weights, the tokenizer 'placeholder' is used instead"));
  Value placeholder = Value::map(wanted.where());
  placeholder.set("type", "placeholder");
  const Value decoder = config.model.language_decoder.resolved();
  if (const Value* rows = decoder.find("vocab_size")) placeholder.set("vocab_size", *rows);
  for (const char* key : {"added_tokens", "image_token", "pad_token"}) {
    if (const Value* value = wanted.find(key)) placeholder.set(key, *value);
  }
  placeholder.set("base_tokens", base_tokens(wanted, config.generation.stop_tokens));
  ErrorList errors;
  config.model.tokenizer = registry.parse("tokenizer", placeholder, errors);
  errors.throw_if_any();
}

/// Half of the threads, at most 4: decoding a picture takes less time than answering, so the model needs the
/// cores more.
int loader_threads() {
  return std::clamp(at::get_num_threads() / 2, 1, 4);
}

}  // namespace

std::shared_ptr<Session> Session::open(const std::string& config, const RunOptions& options) {
  std::shared_ptr<Session> session(new Session);
  SessionParts& s = *session->parts_;
  s.options = options;
  s.options.loading = nullptr;  // only used during this call
  s.options.before_loading = nullptr;
  s.registry = open_registry(options.plugin_path);
  s.config = RunConfig::load(config, options.overrides, *s.registry);
  s.config.weights.quantize = s.config.quantize_of(options.quantize);
  s.options.threads = thread_count(options.threads);
  // Before libtorch is told the number: it waits forever for threads that it can't get.
  make_threads(s.options.threads);
  const ThreadCount computing(s.options.threads);

  const bool random = options.weights == "random";
  if (random) replace_missing_tokenizer(s.config, *s.registry);

  s.model = Model::assemble(s.config.model, *s.registry);
  s.transforms = std::make_unique<TransformChain>(s.config.transforms, *s.registry);
  if (s.config.task_head)
    s.task_head = s.config.build_task_head(s.config.task_head, *s.registry, s.model->tokenizer());
  s.transforms->check_output(s.model->media_layout(), s.model->vision_backbone().image_size(),
                             s.config.model.vision_backbone);
  if (options.before_loading) options.before_loading(s.config, s.task_head.get());
  const WeightsConfig weights = random ? WeightsConfig{} : weights_files(s.config, options.weights);
  if (!random) require_files(weights);
  s.config.load(s.model->tokenizer());

  const at::Device device = resolve_device(options.device);
  const bool automatic = options.cuda_graph == CudaGraph::automatic;
  const bool possible = device.is_cuda() && !s.registry->list(StepGraphs::kKind).empty();
  if (options.cuda_graph == CudaGraph::on || (automatic && possible))
    s.graphs = std::make_unique<StepPool>(*s.model, open_step_graphs(*s.registry, device), automatic);
  warn_of(choose_schemes(s.model->weights(), s.config.weights.quantize));
  const at::ScalarType dtype = s.config.dtype_of(options.dtype);
  require_memory(*s.model, random ? nullptr : &weights, device, dtype);
  s.model->weights().progress = options.loading;
  with_device_memory(
      [&] { s.model->load(random ? nullptr : &weights, device, dtype, options.weights_seed); });
  s.model->weights().progress = nullptr;
  if (options.hash_weights) {
    for (const auto& file : s.model->weights().files())
      s.weight_hashes.emplace_back(file->path().string(), sha256(file->bytes()));
  }
  std::string setting = s.feature_setting();
  std::unique_ptr<DiskFeatures> disk;
  if (!options.feature_cache.empty()) {
    disk = std::make_unique<DiskFeatures>(options.feature_cache, options.feature_cache_bytes);
    setting += hash_of_backbone(s.model->weights());
  }
  s.media =
      std::make_unique<MediaEncoder>(*s.model, *s.transforms, s.config.pictures, setting, loader_threads(),
                                     sampling_of_model(s.config.resolved()), std::move(disk));
  return session;
}

}  // namespace flam
