#include "framework/commands/infer/infer.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/commands/infer/answer_batches.h"
#include "framework/commands/infer/close_look.h"
#include "framework/commands/infer/infer_options.h"
#include "framework/commands/infer/records.h"
#include "framework/device/device.h"
#include "framework/report/json.h"
#include "framework/report/path_text.h"
#include "framework/session/media_encoder.h"
#include "framework/session/receipt.h"
#include "framework/session/session_parts.h"

namespace flam {

namespace {

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
    check_context_options(options);
    if (options.output.empty()) check_inputs(options.inputs);  // an output file gets a record of each failure
    RunOptions opening = options.session;
    opening.hash_weights =
        receipt_ || !options.output.empty() || !options.save_context.empty() || !options.load_context.empty();
    bool checked = false;
    opening.before_loading = [&](const RunConfig& config, const TaskHead* head) {
      check(config, head);
      checked = true;
    };
    session_ = hooks.open ? hooks.open(options.config, opening) : Session::open(options.config, opening);
    reset_peak_memory(session_->model().device());  // a receipt states the peak of its run
    // The hook may give a session that was open before.
    if (!checked) check(session_->config(), &session_->task_head());
    if (!options.load_context.empty()) {
      context_ = session_->load_context(options.load_context);
      shots_.request = context_->shots();
      outputs_.keep(shots_.request);
    }
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
    if (!options_.save_context.empty()) make_context(batches).save(options_.save_context);
    if (only_saves(options_)) return;
    for_each_request(options_.inputs, shots_.request, session_->task_head().needs_question(),
                     sink_into(batches));
    if (refusal_) std::rethrow_exception(refusal_);
    batches.finish();
    if (cancelled()) return;
    close_look_.write(*session_);
    if (receipt_ && report_.failed < report_.done) write_receipt();
    records_.commit();
  }

  /// Finds the errors of options and shots that need no weights.
  void check(const RunConfig& config, const TaskHead* head) {
    outputs_.keep(config, options_.session.weights);
    generation_ = generation_of(options_, config);
    if (head) {
      if (options_.load_context.empty()) shots_ = shots_of(options_.inputs, head->needs_question());
      outputs_.keep(shots_.request);
      check_options(options_, generation_, task_kind(*head));
    }
    outputs_.keep_other_content();
  }

  const PromptContext& make_context(AnswerBatches& batches) {
    if (!context_) context_ = session_->context(shots_.request);
    batches.use(context_);
    return *context_;
  }

  /// Before the first request: the shots that all requests have are run once. If they are too long and shots
  /// may be dropped, each request has fewer of them, and no context.
  void prepare_shots(AnswerBatches& batches) {
    const bool many = !asks_about_one_picture(options_.inputs);
    if (prepared_ || shots_.request.parts.empty() || close_look_.wanted() || !(many || context_)) return;
    prepared_ = true;
    try {
      make_context(batches);
    } catch (const Error&) {
      if (generation_.when_too_long == GenerationParams::WhenTooLong::error) throw;
    }
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
    try {
      prepare_shots(batches);
    } catch (const Error&) {
      return refuse();
    }
    std::optional<Task> task;
    Request decoded;  // for a close look, which needs the pixels more than once
    int64_t dropped = 0;
    try {
      if (close_look_.wanted()) {
        decoded = request;
        session_->parts().media->decode(decoded.parts);
      }
      CallOptions call;
      call.generation = generation_;
      call.context = context_;
      Request asked = close_look_.wanted() ? decoded : request;
      dropped = session_->drop_shots(asked, call);
      task = session_->task(asked, context_.get());
    } catch (const Error& error) {
      return fail(std::move(request), error, batches);
    }
    try {
      check_options(options_, generation_,
                    std::holds_alternative<Generate>(*task) ? TaskKind::generate : TaskKind::score);
    } catch (const Error&) {
      return refuse();
    }
    close_look_.look_at(decoded, prompt_of(*task));
    batches.add(std::move(request), std::move(*task), dropped);
  }

  static void fail(Request request, const Error& error, AnswerBatches& batches) {
    Outcome outcome;
    outcome.fail(error);
    batches.add(std::move(request), std::move(outcome));
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
    auto receipt = make_receipt(*session_, generation_, requests_, outcomes_, times_);
    if (!shots_.ids.empty()) receipt["shots"] = shots_.ids;
    if (!options_.load_context.empty()) receipt["context"] = path_text(options_.load_context);
    receipt_->write(json_lines(receipt, 2));
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
  Shots shots_;                                   // of every request
  std::shared_ptr<const PromptContext> context_;  // of them, if there is one
  bool prepared_ = false;
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
