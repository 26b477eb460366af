#include "framework/run/session.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>

#include <numeric>

#include "framework/base/log.h"
#include "framework/base/text.h"
#include "framework/generate/generate.h"
#include "framework/run/device.h"
#include "framework/run/media_encoder.h"
#include "framework/run/paths.h"

namespace flam {

struct Session::State {
  std::unique_ptr<Registry> registry;
  SessionOptions options;
  RunConfig config;
  std::unique_ptr<TransformChain> transforms;
  std::unique_ptr<Model> model;
  std::unique_ptr<TaskHead> task_head;
  std::unique_ptr<MediaEncoder> media;
  std::unique_ptr<StepGraphs> graphs;  // null unless asked for
};

Session::Session() : state_(std::make_unique<State>()) {}
Session::~Session() = default;

std::unique_ptr<Registry> open_registry(const std::vector<std::filesystem::path>& plugin_path) {
  auto registry = std::make_unique<Registry>();
  registry->scan(plugin_search_path(plugin_path));
  return registry;
}

namespace {

WeightsConfig weights_of(const RunConfig& config, const std::string& chosen) {
  if (chosen.empty()) return config.weights;
  WeightsConfig weights;
  weights.files.push_back({std::filesystem::absolute(chosen).string(), {}, {}, {}});
  return weights;
}

/// Lists every file that is not there: where the weights lie is the one thing that a shipped config cannot
/// know.
void require_files(const WeightsConfig& weights) {
  ErrorList errors;
  for (const WeightsFile& file : weights.files) {
    const std::filesystem::path path = std::filesystem::path(weights.root) / file.path;
    if (std::filesystem::exists(path)) continue;
    errors.add(file.where, cat("no weights file ", quoted(path.string()),
                               "; --set weights.root=DIR names the folder, --weights random does without"));
  }
  errors.throw_if_any();
}

std::unique_ptr<StepGraphs> open_step_graphs(Registry& registry, at::Device device) {
  if (!device.is_cuda())
    throw Error(cat("CUDA graphs need a CUDA device, found ", quoted(device.str()), "; give --device cuda"));
  const auto known = registry.list(StepGraphs::kKind);
  if (known.empty()) {
    throw Error(
        "CUDA graphs need the plugin 'cuda_graph', which is not here: it is built where CUDA's headers are "
        "(docs/cuda.md)");
  }
  Value node = Value::map({});
  node.set("type", known.front().name);
  ErrorList errors;
  const ComponentConfig config = registry.parse(StepGraphs::kKind, node, errors);
  errors.throw_if_any();
  return registry.build<StepGraphs>(config, {device});
}

/// Random weights need no real tokenizer: if its file is not there, 'placeholder' of the same size takes its
/// place.
void replace_missing_tokenizer(RunConfig& config, Registry& registry) {
  const Value wanted = config.model.tokenizer.resolved();
  const Value* file = wanted.find("model");
  if (!file || std::filesystem::exists(std::filesystem::path(config.weights.root) / file->as_string()))
    return;
  log_warn(cat("no tokenizer file ", quoted(file->as_string()),
               "; with random weights 'placeholder' takes its place"));
  Value placeholder = Value::map(wanted.where());
  placeholder.set("type", "placeholder");
  const Value decoder = config.model.language_decoder.resolved();
  if (const Value* rows = decoder.find("vocab_size")) placeholder.set("vocab_size", *rows);
  for (const char* key : {"added_tokens", "image_token", "pad_token"}) {
    if (const Value* value = wanted.find(key)) placeholder.set(key, *value);
  }
  ErrorList errors;
  config.model.tokenizer = registry.parse("tokenizer", placeholder, errors);
  errors.throw_if_any();
}

}  // namespace

namespace {

/// Runs `work`; a device that has no memory left for it is a RunError.
template <class Work>
auto with_device_memory(const Work& work) {
  try {
    return work();
  } catch (const c10::OutOfMemoryError& error) {
    const std::string text = error.what_without_backtrace();
    throw RunError(cat("not enough memory on the device: ", printable(text.substr(0, text.find('\n')), 300),
                       "; use --dtype bfloat16, a smaller --batch-size, fewer beams or shots"));
  }
}

}  // namespace

std::shared_ptr<Session> Session::open(const std::string& config, const SessionOptions& options) {
  std::shared_ptr<Session> session(new Session);
  State& s = *session->state_;
  s.options = options;
  s.options.loading = nullptr;  // of this call only
  s.registry = open_registry(options.plugin_path);
  s.config = RunConfig::parse(load_config_tree(config, options.overrides), *s.registry);
  s.config.name = std::filesystem::path(config).stem().string();
  if (options.threads > 0) at::set_num_threads(options.threads);

  const bool random = options.weights == "random";
  if (random) replace_missing_tokenizer(s.config, *s.registry);

  s.model = Model::assemble(s.config.model, *s.registry);
  s.transforms = std::make_unique<TransformChain>(s.config.transforms, *s.registry);
  if (s.config.task_head)
    s.task_head = s.config.build_task_head(s.config.task_head, *s.registry, s.model->tokenizer());
  s.transforms->check_output(s.model->vision_backbone().image_size(), s.config.model.vision_backbone);
  const WeightsConfig weights = random ? WeightsConfig{} : weights_of(s.config, options.weights);
  if (!random && weights.files.empty()) {
    throw Error(
        cat("the config names no weights; give --weights FILE, set weights.files, or try it with --weights "
            "random"));
  }
  require_files(weights);
  s.config.load(s.model->tokenizer());

  const at::Device device = resolve_device(options.device);
  if (options.cuda_graph) s.graphs = open_step_graphs(*s.registry, device);
  s.model->weights().progress = options.loading;
  s.model->load(random ? nullptr : &weights, device, resolve_dtype(options.dtype), options.seed);
  s.model->weights().progress = nullptr;
  s.media = std::make_unique<MediaEncoder>(*s.model, *s.transforms);
  return session;
}

Prepared Session::prepare(std::span<const Prompt> prompts, StageTimes* times) const {
  Prepared prepared = state_->media->open(prompts, times);
  const StageTimes::Scope timer(times, "tokenize");
  encode_rows(prompts, state_->model->tokenizer(), prepared);
  return prepared;
}

void Session::encode_media(Prepared& prepared, StageTimes* times, Probe* probe) const {
  with_device_memory([&] { state_->media->encode(prepared, times, probe); });
}

std::unique_ptr<StepModel> Session::start(const Prepared& prepared, int64_t beams,
                                          int64_t max_new_tokens) const {
  return state_->model->start(prepared.batch, beams, max_new_tokens, nullptr,
                              state_->graphs ? state_->graphs->make() : nullptr);
}

std::vector<Result> Session::generate(const Prepared& prepared, const GenerationParams& params,
                                      const CallOptions& options) const {
  const Tokenizer& tokenizer = state_->model->tokenizer();
  GenerateInput input;
  input.prompts = prepared.rows;
  if (params.do_sample) input.row_seeds = row_seeds(prepared);
  input.stop_ids = stop_ids(params, tokenizer);
  input.decode = [&](const std::vector<int64_t>& ids) { return tokenizer.decode(ids, true); };
  input.cancelled = options.cancelled;
  std::vector<std::vector<int64_t>> so_far(prepared.rows.size());
  if (options.on_text) {
    input.on_token = [&](int64_t row, int64_t id, double) {
      so_far[row].push_back(id);
      options.on_text(row, tokenizer.decode(so_far[row], true));
    };
  }
  const int64_t beams = params.do_sample ? 1 : params.num_beams;
  auto results = with_device_memory([&] {
    const auto steps =
        timed(start(prepared, beams, params.max_new_tokens), state_->model->device(), options.times);
    return flam::generate(*steps, input, params);
  });
  for (Result& result : results) {
    for (Hypothesis& hypothesis : result.hypotheses) finish_text(hypothesis, params, tokenizer);
  }
  return results;
}

std::vector<Outcome> Session::answer(std::span<const Request> requests, const CallOptions& options) const {
  const TaskHead& head = task_head();
  std::vector<Outcome> outcomes(requests.size());
  std::vector<Task> tasks;
  std::vector<size_t> answered;  // tasks[i] is of request answered[i]
  for (size_t i = 0; i < requests.size(); ++i) {
    try {
      Task task = head.task(requests[i]);
      if (!requests[i].candidates.empty() && !std::holds_alternative<Score>(task))
        throw Error("this model's task head writes its answers and takes no candidates; leave them out");
      std::visit([&](auto& of) { state_->media->load_pictures(of.prompt, options.times); }, task);
      tasks.push_back(std::move(task));
      answered.push_back(i);
    } catch (const Error& error) {
      outcomes[i].fail(error.what(), error);
    }
  }
  CallOptions mapped = options;
  if (options.on_text) {
    mapped.on_text = [&](size_t task, const std::string& text) { options.on_text(answered[task], text); };
  }
  std::vector<Outcome> ran = run(tasks, mapped);
  for (size_t i = 0; i < ran.size(); ++i) {
    const std::string& id = requests[answered[i]].id;
    if (ran[i].error && !id.empty()) *ran[i].error = printable(id, 4096) + ": " + *ran[i].error;
    outcomes[answered[i]] = std::move(ran[i]);
  }
  return outcomes;
}

std::vector<Outcome> Session::run(std::span<const Task> tasks, const CallOptions& options) const {
  const c10::InferenceMode inference;
  std::vector<Outcome> outcomes(tasks.size());
  std::vector<size_t> rows(tasks.size());
  std::iota(rows.begin(), rows.end(), 0);
  for (const size_t row : rows) outcomes[row].prompt = prompt_of(tasks[row]).text;
  try {
    run_together(tasks, rows, outcomes, options);
  } catch (const Error& failure) {
    if (rows.size() == 1) outcomes.front().fail(failure.what(), failure);
    // Something in the batch can't be run: each alone, so that the others are answered.
    for (size_t i = 0; rows.size() > 1 && i < rows.size(); ++i) {
      const size_t& row = rows[i];
      try {
        run_together(tasks, {&row, 1}, outcomes, options);
      } catch (const Error& error) {
        outcomes[row].fail(error.what(), error);
      }
    }
  }
  return outcomes;
}

void Session::run_together(std::span<const Task> tasks, std::span<const size_t> rows,
                           std::span<Outcome> outcomes, const CallOptions& options) const {
  std::vector<Prompt> prompts, scored_prompts;
  std::vector<Score> scores;
  std::vector<size_t> generated, scored;
  for (const size_t row : rows) {
    if (const auto* score = std::get_if<Score>(&tasks[row])) {
      scores.push_back(*score);
      scored_prompts.push_back(score->prompt);
      scored.push_back(row);
    } else {
      prompts.push_back(prompt_of(tasks[row]));
      generated.push_back(row);
    }
  }
  CallOptions mapped = options;
  if (options.on_text) {
    mapped.on_text = [&](size_t row, const std::string& text) { options.on_text(generated[row], text); };
  }
  const auto run_each = [&](std::span<const Prompt> given, std::span<const size_t> of, const auto& results) {
    if (given.empty()) return;
    Prepared prepared = prepare(given, options.times);
    encode_media(prepared, options.times);
    std::vector<Result> found = results(prepared);
    for (size_t i = 0; i < found.size(); ++i) {
      Outcome& outcome = outcomes[of[i]];
      outcome.answer = state_->task_head->answer(found[i]);
      outcome.prompt_tokens =
          prepared.batch.attention_mask.select(0, static_cast<int64_t>(i)).sum().item().toLong();
      outcome.result = std::move(found[i]);
    }
  };
  run_each(prompts, generated, [&](const Prepared& prepared) {
    return generate(prepared, options.generation.value_or(state_->config.generation), mapped);
  });
  run_each(scored_prompts, scored,
           [&](const Prepared& prepared) { return score(prepared, scores, options); });
}

Outcome Session::answer(const Request& request, const CallOptions& options) const {
  Outcome outcome = std::move(answer(std::span(&request, 1), options).front());
  if (outcome.error && outcome.exit_status == 1) throw RunError(*outcome.error);
  if (outcome.error) throw Error(*outcome.error);
  return outcome;
}

const RunConfig& Session::config() const {
  return state_->config;
}
const Model& Session::model() const {
  return *state_->model;
}
const TransformChain& Session::transforms() const {
  return *state_->transforms;
}
const TaskHead& Session::task_head() const {
  if (!state_->task_head)
    throw Error("the config has no `task_head`, so there is nothing that turns a request into a prompt");
  return *state_->task_head;
}
const Registry& Session::registry() const {
  return *state_->registry;
}
const SessionOptions& Session::options() const {
  return state_->options;
}

Request picture_request(const std::string& path, const std::string& question) {
  Request request;
  request.parts.push_back({Part::Kind::image, "", {PictureSource{path, nullptr, {}}}});
  if (!question.empty()) request.parts.push_back({Part::Kind::text, question, {}});
  request.id = path;
  return request;
}

Answer inference_model(const std::string& config, const std::string& picture, const std::string& question) {
  return Session::open(config)->answer(picture_request(picture, question)).answer;
}

}  // namespace flam
