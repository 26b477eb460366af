#include "framework/commands/infer/infer_options.h"

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/commands/infer/answer_file.h"
#include "framework/generate/generate.h"

namespace flam {

GenerationParams generation_of(const InferOptions& options, const RunConfig& config) {
  GenerationParams params = config.generation;
  if (options.seed) params.seed = *options.seed;
  if (options.num_beams) params.num_beams = *options.num_beams;
  if (options.max_new_tokens) params.max_new_tokens = *options.max_new_tokens;
  if (options.n_best) params.n_best = *options.n_best;
  return params;
}

Outputs outputs_of(const InferOptions& options) {
  Outputs outputs;
  outputs.add("--receipt", options.receipt, Outputs::Content::receipt);
  outputs.add_safetensors("--record", options.record, {"pieces", "prompt_tokens"});
  outputs.add("--explain", options.explain, Outputs::Content::html);
  outputs.add("--contact-sheet", options.contact_sheet, Outputs::Content::html);
  outputs.add("--output", options.output);
  outputs.add_safetensors("--save-context", options.save_context, {"prompt", "contents"});
  if (!options.output.empty()) outputs.add("--output", AnswerFile::partial_path(options.output));
  for (const std::string& image : options.inputs.images) outputs.keep(std::filesystem::path(image));
  for (const std::string& input : {options.inputs.request_file, options.inputs.shots_file,
                                   options.load_context, options.config, options.session.weights})
    outputs.keep(std::filesystem::path(input));
  return outputs;
}

void refuse_options_of_writing(const InferOptions& options) {
  const char* given = !options.record.empty()    ? "--record"
                      : !options.explain.empty() ? "--explain"
                      : options.n_best           ? "--n-best"
                      : options.num_beams        ? "--num-beams"
                      : options.max_new_tokens   ? "--max-new-tokens"
                                                 : nullptr;
  if (!given) return;
  throw Error(cat(given, " applies to models that generate answers; this model chooses among candidates"));
}

bool only_saves(const InferOptions& options) {
  return !options.save_context.empty() && options.inputs.images.empty() &&
         options.inputs.request_file.empty();
}

void check_context_options(const InferOptions& options) {
  const bool has_shots = !options.inputs.shots.empty() || !options.inputs.shots_file.empty();
  const bool looks_closely = !options.record.empty() || !options.explain.empty();
  if (!options.save_context.empty() && !has_shots)
    throw Error("--save-context needs the shots to keep; give --shots or --shot");
  if (!options.save_context.empty()) const AtomicFile can_be_written(options.save_context);
  if (options.load_context.empty()) return;
  if (has_shots || !options.save_context.empty())
    throw Error("--load-context has its own shots; leave out --shots, --shot and --save-context");
  if (looks_closely)
    throw Error("--record and --explain run whole prompts; give --shots instead of --load-context");
}

void check_options(const InferOptions& options, const GenerationParams& generation, TaskKind kind) {
  if (kind == TaskKind::generate) check_generation(generation);
  if (kind == TaskKind::score) refuse_options_of_writing(options);
}

}  // namespace flam
