#include "framework/commands/infer/infer.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/commands/infer/answer_batches.h"
#include "framework/commands/infer/close_look.h"
#include "framework/commands/infer/records.h"
#include "framework/device/device.h"
#include "framework/generate/generate.h"
#include "framework/recipe/outputs.h"
#include "framework/report/json.h"
#include "framework/session/media_encoder.h"
#include "framework/session/receipt.h"
#include "framework/session/session_parts.h"

namespace flam {

namespace {

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
  outputs.add("--receipt", options.receipt);
  outputs.add("--record", options.record);
  outputs.add("--explain", options.explain, Outputs::Content::html);
  outputs.add("--contact-sheet", options.contact_sheet, Outputs::Content::html);
  outputs.add("--output", options.output);
  if (!options.output.empty()) outputs.add("--output", AnswerFile::partial_path(options.output));
  for (const std::string& image : options.inputs.images) outputs.keep(std::filesystem::path(image));
  for (const std::string& input : {options.inputs.request_file, options.config, options.session.weights})
    outputs.keep(std::filesystem::path(input));
  return outputs;
}

/// The first given option that has no effect if the model chooses among candidates; null if there is none.
const char* option_of_writing(const InferOptions& options) {
  return !options.record.empty()    ? "--record"
         : !options.explain.empty() ? "--explain"
         : options.n_best           ? "--n-best"
         : options.num_beams        ? "--num-beams"
         : options.max_new_tokens   ? "--max-new-tokens"
                                    : nullptr;
}

class Inference {
 public:
  Inference(const InferOptions& options, const InferHooks& hooks)
      : options_(options),
        hooks_(hooks),
        outputs_(outputs_of(options)),
        close_look_(options),
        records_(options) {
    // Opened first, so that a path that can't be written is an error before the model runs.
    if (!options.receipt.empty()) receipt_.emplace(options.receipt);
    if (options.output.empty()) check_inputs(options.inputs);  // an output file gets a record of each failure
    RunOptions opening = options.session;
    opening.hash_weights = receipt_ || !options.output.empty();
    session_ = hooks.open ? hooks.open(options.config, opening) : Session::open(options.config, opening);
    reset_peak_memory(session_->model().device());  // a receipt states the peak of its run
    outputs_.keep(session_->config(), options.session.weights);
    outputs_.keep_other_content();
    generation_ = generation_of(options, session_->config());
    records_.begin(*session_, generation_, options.inputs);
  }

  InferReport run() {
    const auto start = std::chrono::steady_clock::now();
    answer_all();
    report_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return report_;
  }

 private:
  void answer_all() {
    if (hooks_.progress) hooks_.progress(0, 0, 0);
    AnswerBatches::Options batching;
    batching.batch_size = options_.batch_size;
    // With --record or --explain, a request waits until it is known to be the only one.
    batching.look_ahead = close_look_.wanted() || options_.inputs.request_file != "-";
    batching.call.generation = generation_;
    batching.call.cancelled = hooks_.cancelled;
    if (receipt_) batching.call.times = &times_;
    AnswerBatches batches(*session_, batching, [this](const Request& request, Outcome outcome) {
      take(request, std::move(outcome));
    });
    for_each_request(options_.inputs, session_->task_head().needs_question(), sink_into(batches));
    if (refusal_) std::rethrow_exception(refusal_);
    batches.finish();
    if (cancelled()) return;
    close_look_.write(*session_);
    if (receipt_ && report_.failed < report_.done) write_receipt();
    records_.commit();
  }

  bool cancelled() const { return hooks_.cancelled && hooks_.cancelled(); }

  RequestSink sink_into(AnswerBatches& batches) {
    RequestSink sink;
    sink.expect = [this](int64_t count) { total_ = count; };
    sink.take = [this, &batches](Request request) { ask(std::move(request), batches); };
    sink.fail = [this, &batches](const std::string& id, const std::string& error) {
      Request request;
      request.id = id;
      records_.is_done(request);
      fail(std::move(request), Error(error), batches);
    };
    sink.left_out = [this, &batches](const std::string& summary) {
      batches.finish();
      if (hooks_.left_out) hooks_.left_out(summary);
    };
    sink.stopped = [this] { return refusal_ || cancelled(); };
    return sink;
  }

  void ask(Request request, AnswerBatches& batches) {
    // A wrong option is an error of the whole run, not of the request at which it is found.
    const auto refuse = [this] { refusal_ = std::current_exception(); };
    try {
      outputs_.keep(request);
      close_look_.require_first(batches.count());
    } catch (const Error&) {
      return refuse();
    }
    if (records_.is_done(request)) return batches.add(std::move(request), Outcome());
    std::optional<Task> task;
    try {
      if (close_look_.wanted()) session_->parts().media->decode(request.parts);
      task = session_->task(request);
    } catch (const Error& error) {
      return fail(std::move(request), error, batches);
    }
    try {
      check_options(*task);
    } catch (const Error&) {
      return refuse();
    }
    close_look_.look_at(request, prompt_of(*task));
    batches.add(std::move(request), std::move(*task));
  }

  static void fail(Request request, const Error& error, AnswerBatches& batches) {
    Outcome outcome;
    outcome.fail(error);
    batches.add(std::move(request), std::move(outcome));
  }

  /// Whether the options go with such a task; known before the first answer is computed.
  void check_options(const Task& task) const {
    if (std::holds_alternative<Generate>(task)) return check_generation(generation_);
    if (const char* given = option_of_writing(options_)) {
      throw Error(
          cat(given, " applies to models that generate answers; this model chooses among candidates"));
    }
  }

  void take(const Request& request, Outcome outcome) {
    if (records_.take(request, outcome, generation_.n_best)) {
      ++report_.kept;
      return show_progress();
    }
    if (hooks_.outcome) hooks_.outcome(request, outcome, generation_);
    ++report_.done;
    report_.failed += outcome.error.has_value();
    report_.refused += outcome.error && outcome.error_kind == ErrorKind::refused;
    if (!outcome.error) close_look_.take(outcome);
    if (receipt_) {
      requests_.push_back(request);
      outcomes_.push_back(std::move(outcome));
    }
    show_progress();
  }

  void show_progress() const {
    if (hooks_.progress) hooks_.progress(report_.done + report_.kept, total_, report_.kept);
  }

  void write_receipt() {
    receipt_->write(json_lines(make_receipt(*session_, generation_, requests_, outcomes_, times_), 2));
    receipt_->commit();
  }

  const InferOptions& options_;
  const InferHooks& hooks_;
  const Outputs outputs_;
  CloseLook close_look_;
  std::optional<AtomicFile> receipt_;
  Records records_;
  std::shared_ptr<Session> session_;
  GenerationParams generation_;
  StageTimes times_;
  InferReport report_;
  int64_t total_ = 0;
  std::exception_ptr refusal_;
  std::vector<Request> requests_;  // for the receipt
  std::vector<Outcome> outcomes_;
};

}  // namespace

InferReport infer(const InferOptions& options, const InferHooks& hooks) {
  return Inference(options, hooks).run();
}

}  // namespace flam
