#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "apps/flam/outputs.h"
#include "apps/flam/progress.h"
#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/commands/explain/explain.h"
#include "framework/generate/generate.h"
#include "framework/report/json.h"
#include "framework/request/request_source.h"
#include "framework/session/receipt.h"

namespace flam::cli {

namespace {

struct InferOptions {
  std::string config;
  InputOptions inputs;
  RunOptions session;
  bool json = false;
  int64_t batch_size = 1;
  std::optional<int64_t> num_beams, max_new_tokens, n_best;
  std::string receipt, record, explain;
  std::optional<int64_t> seed;
};

GenerationParams generation_of(const InferOptions& options, const Session& session) {
  GenerationParams params = session.config().generation;
  if (options.seed) params.seed = *options.seed;
  if (options.num_beams) params.num_beams = *options.num_beams;
  if (options.max_new_tokens) params.max_new_tokens = *options.max_new_tokens;
  if (options.n_best) params.n_best = *options.n_best;
  return params;
}

void print(const Request& request, const Outcome& outcome, const GenerationParams& params, bool json,
           bool many) {
  if (json) {
    std::cout << json_line(outcome_json(request, outcome, params.n_best)) << "\n";
  } else if (outcome.error) {
    std::cerr << "error: " << (request.source.empty() ? "" : printable(request.source, 4096) + ": ")
              << *outcome.error << "\n";
  } else {
    const std::string name = many ? printable(request.id, 4096) + ": " : "";
    if (params.n_best > 1 && !outcome.result.hypotheses.empty()) {
      for (const auto& hypothesis : outcome.result.hypotheses) {
        std::cout << name << printable(hypothesis.text, 100'000) << "  (" << hypothesis.score << ")\n";
      }
    } else {
      std::cout << name << printable(outcome.answer.front().second, 100'000) << "\n";
    }
  }
  std::cout.flush();
}

Outputs outputs_of(const InferOptions& options) {
  Outputs outputs;
  outputs.add("--receipt", options.receipt);
  outputs.add("--record", options.record);
  outputs.add("--explain", options.explain);
  for (const std::string& image : options.inputs.images) outputs.keep(std::filesystem::path(image));
  for (const std::string& input : {options.inputs.request_file, options.config, options.session.weights})
    outputs.keep(std::filesystem::path(input));
  return outputs;
}

bool asks_about_one_picture(const InputOptions& inputs) {
  std::error_code ignored;
  return inputs.images.size() == 1 && inputs.request_file.empty() &&
         !std::filesystem::is_directory(inputs.images.front(), ignored);
}

/// --record and --explain are about one answer.
void refuse_several(const InferOptions& options) {
  if (options.record.empty() && options.explain.empty()) return;
  if (!asks_about_one_picture(options.inputs) && options.inputs.request_file.empty()) {
    throw Error(cat(options.record.empty() ? "--explain" : "--record", " looks at one answer, but ",
                    options.inputs.images.size(), " pictures or a folder were given; name one picture"));
  }
}

/// Known before the answer is computed: options that do nothing where a model chooses among candidates.
void refuse_for_choices(const InferOptions& options, const Session& session, const Request& request) {
  const char* given = !options.record.empty()    ? "--record"
                      : !options.explain.empty() ? "--explain"
                      : options.n_best           ? "--n-best"
                      : options.num_beams        ? "--num-beams"
                      : options.max_new_tokens   ? "--max-new-tokens"
                                                 : nullptr;
  if (!given) return;
  try {
    if (!std::holds_alternative<Score>(session.task_head().task(request))) return;
  } catch (const Error&) {
    return;  // the answer says what is wrong with the request
  }
  throw Error(cat(given, " is about answers that a model writes; this one chooses among candidates"));
}

void write_explanations(const InferOptions& options, const Session& session, const Request& request,
                        const Outcome& outcome, AtomicFile* page) {
  if (!options.record.empty()) {
    const auto& ids = outcome.result.hypotheses.front().ids;
    write_recording(options.record, record_answer(session, prompt_of(session, request), ids), session);
  }
  if (!page) return;
  page->write(explanation_page(explain(session, request, outcome), session.config().name));
  page->commit();
}

int infer(const InferOptions& options) {
  const Outputs outputs = outputs_of(options);
  refuse_several(options);
  // Opened first, so that a place that can't be written is known before the work.
  std::optional<AtomicFile> receipt, page;
  if (!options.receipt.empty()) receipt.emplace(options.receipt);
  if (!options.explain.empty()) page.emplace(options.explain);
  if (!options.record.empty()) const AtomicFile can_be_written(options.record);
  std::optional<std::pair<Request, Outcome>> explained;
  const auto session = open_session(options.config, options.session);
  outputs.keep(*session);
  const bool looks_closely = !(options.record.empty() && options.explain.empty());
  const GenerationParams params = generation_of(options, *session);
  StageTimes times;
  CallOptions call;
  call.generation = params;
  call.cancelled = interrupted;
  if (!options.receipt.empty()) call.times = &times;

  std::vector<Request> pending, all;
  std::vector<Outcome> outcomes;
  int64_t done = 0, failed = 0, failed_running = 0;
  Progress progress("infer");
  int64_t total = 0;  // 0: not known before they have all been read
  const bool many = !asks_about_one_picture(options.inputs);
  const auto flush = [&] {
    if (pending.empty() || interrupted()) return;
    auto answered = session->answer(pending, call);
    if (interrupted()) return;
    progress.clear();
    for (size_t i = 0; i < pending.size(); ++i) {
      print(pending[i], answered[i], params, options.json, many);
      failed += answered[i].error.has_value();
      failed_running += answered[i].error && answered[i].error_kind != ErrorKind::refused;
      ++done;
      if (!answered[i].error && looks_closely) explained.emplace(pending[i], answered[i]);
      if (!options.receipt.empty()) {
        all.push_back(pending[i]);
        outcomes.push_back(std::move(answered[i]));
      }
    }
    pending.clear();
    progress.update(done, total);
  };
  RequestSink sink;
  sink.expect = [&](int64_t count) { total = count; };
  sink.take = [&](Request request) {
    outputs.keep(request);
    if (looks_closely && (!pending.empty() || done > 0))
      throw Error("--record and --explain look at one answer, but there are several requests");
    refuse_for_choices(options, *session, request);
    check_generation(params);
    pending.push_back(std::move(request));
    // One that is looked at closely waits until it is known to be the only one.
    if (!looks_closely && static_cast<int64_t>(pending.size()) >= options.batch_size) flush();
  };
  sink.fail = [&](const std::string& id, const std::string& error) {
    flush();
    Request request;
    request.id = id;
    Outcome outcome;
    outcome.error = error;
    progress.clear();
    print(request, outcome, params, options.json, many);
    ++failed;
    ++done;
  };
  sink.left_out = [&](const std::string& summary) {
    flush();
    progress.clear();
    std::cerr << summary << "\n";
  };
  sink.stopped = interrupted;
  for_each_request(options.inputs, session->task_head().needs_question(), sink);
  flush();
  if (interrupted()) return interrupted_status();
  if (receipt && failed < done) {
    receipt->write(json_lines(make_receipt(*session, params, all, outcomes, times), 2));
    receipt->commit();
  }
  if (explained) {
    write_explanations(options, *session, explained->first, explained->second, page ? &*page : nullptr);
  }
  if (failed > 0 && done > 1) std::cerr << failed << " of " << done << " records failed\n";
  if (failed == done && failed_running == 0) return 2;  // nothing could be run
  return failed > 0 ? 1 : 0;
}

}  // namespace

void add_infer(CLI::App& app, int& status) {
  auto options = std::make_shared<InferOptions>();
  CLI::App* command = app.add_subcommand("infer", "caption pictures, or answer a question about them");
  command->footer(
      "Examples:\n  flam infer flamingo_mini_caption docs/images/scene.png\n"
      "  flam infer flamingo_mini_vqa docs/images/scene.png --question \"how many objects are there?\"\n"
      "  flam infer flamingo_3rdparty-fewshot_caption cat.png --shot dog.png=\"A dog on a sofa.\" --set "
      "weights.root=DIR");
  command->add_option("CONFIG", options->config, "model name or config file")->required();
  command->add_option("IMAGE", options->inputs.images,
                      "picture files, folders, or - to read one picture from standard input");
  command->add_flag("--recursive", options->inputs.recursive, "also read the subfolders of folders");
  command->add_option("--question", options->inputs.question, "question to answer about each picture");
  command
      ->add_option("--shot", options->inputs.shots,
                   "example in the prompt: IMAGE=TEXT, or for questions IMAGE=QUESTION=>ANSWER (repeatable)")
      ->allow_extra_args(false);
  command
      ->add_option(
          "--candidate", options->inputs.candidates,
          "answer to choose from, for models that rank; replaces the config's candidates (repeatable)")
      ->allow_extra_args(false)
      ->type_name("TEXT");
  command
      ->add_option("--request", options->inputs.request_file,
                   "file of requests, one JSON object {\"parts\": [{\"image\": …}, {\"text\": …}]} per line; "
                   "- is standard input")
      ->type_name("FILE|-")
      ->check(not_empty());
  command->add_flag("--json", options->json, "print one JSON object per line");
  command->add_option("--batch-size", options->batch_size, "requests answered together")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command->add_option("--num-beams", options->num_beams, "number of beams, instead of the config's")
      ->check(CLI::Range(1, 64));
  command
      ->add_option("--max-new-tokens", options->max_new_tokens,
                   "most tokens of an answer, instead of the config's")
      ->check(CLI::Range(1, 100000));
  command
      ->add_option("--n-best", options->n_best,
                   "sequences to print for each picture: the best beams, or samples if the config samples")
      ->check(CLI::Range(1, 64));
  command
      ->add_option("--receipt", options->receipt,
                   "write a file with everything needed to repeat the run, and with prompts and timings")
      ->type_name("FILE")
      ->check(not_empty());
  command
      ->add_option(
          "--record", options->record,
          "write a file with the attention of resampler and adapter, and each token's log-probability")
      ->type_name("FILE.safetensors")
      ->check(not_empty());
  command
      ->add_option("--explain", options->explain,
                   "write a page that shows where the model looked for each word, and how much the answer "
                   "depends on each shot")
      ->type_name("FILE.html")
      ->check(not_empty());
  add_session_options(*command, options->session);
  add_seed(*command, options->seed, "seed of sampling, instead of the config's");
  command->callback([options, &status] { status = infer(*options); });
}

}  // namespace flam::cli
