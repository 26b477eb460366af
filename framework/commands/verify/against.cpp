#include "framework/commands/verify/against.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>

#include "framework/base/file.h"
#include "framework/base/interrupted.h"
#include "framework/base/text.h"
#include "framework/device/device_memory.h"
#include "framework/device/one_thread.h"
#include "framework/model/checked.h"
#include "framework/request/request_file.h"
#include "framework/session/session_parts.h"

namespace flam {

namespace {

using Ids = std::vector<int64_t>;

/// Feeds the ids of each row to a model, and gives the logits of the next token at each position.
class Replay {
 public:
  Replay(const Session& session, std::span<const Prompt> prompts, int64_t longest)
      : computing_(session.options().threads), prepared_(session.parts().prepare(prompts)) {
    session.parts().encode_media(prepared_);
    steps_ = session.parts().start(prepared_, 1, longest + 1);
  }
  at::Tensor first() { return steps_->prefill().to(at::kCPU); }
  at::Tensor next(const at::Tensor& ids) { return steps_->step(ids).to(at::kCPU); }

 private:
  const ThreadCount computing_;
  Prepared prepared_;
  std::unique_ptr<StepModel> steps_;
};

class Comparison {
 public:
  Comparison(const Session& run, const Session& reference, const AgainstOptions& options)
      : run_(run), reference_(reference), options_(options), generation_(reference.config().generation) {
    generation_.do_sample = false;
  }

  void add(const std::vector<Request>& requests) {
    if (options_.cancelled && options_.cancelled()) throw Interrupted();
    CallOptions call;
    call.generation = generation_;
    call.cancelled = options_.cancelled;
    const std::vector<Outcome> ours = run_.answer(requests, call), theirs = reference_.answer(requests, call);
    std::vector<Prompt> prompts, expected;
    std::vector<Ids> ids;
    for (size_t i = 0; i < requests.size(); ++i) {
      const auto& error = theirs[i].error ? theirs[i].error : ours[i].error;
      if (error) {
        const std::string& place = requests[i].source.empty() ? requests[i].id : requests[i].source;
        report.failures.push_back(cat(place, ": ", *error));
        continue;
      }
      ++report.requests;
      if (ours[i].answer.front().second == theirs[i].answer.front().second) ++report.equal_answers;
      prompts.push_back(prompt_of(run_.task(requests[i])));
      expected.push_back(prompt_of(reference_.task(requests[i])));
      const auto& hypotheses = theirs[i].result.hypotheses;
      ids.push_back(hypotheses.empty() ? Ids{} : hypotheses.front().ids);
    }
    if (!prompts.empty()) compare(prompts, expected, ids);
  }

  AgainstReport report;

 private:
  void compare(const std::vector<Prompt>& prompts, const std::vector<Prompt>& expected,
               const std::vector<Ids>& ids) {
    size_t longest = 0;
    for (const Ids& row : ids) longest = std::max(longest, row.size());
    Replay ours(run_, prompts, static_cast<int64_t>(longest)),
        theirs(reference_, expected, static_cast<int64_t>(longest));
    std::vector<int64_t> rows(ids.size());
    for (size_t row = 0; row < rows.size(); ++row) rows[row] = static_cast<int64_t>(row);
    count(ours.first(), theirs.first(), rows);
    // The last id of an answer is its end, after which nothing is generated.
    for (size_t step = 0; step + 1 < longest; ++step) {
      at::Tensor given = at::full({std::ssize(ids)}, reference_.model().tokenizer().pad_id(), at::kLong);
      rows.clear();
      for (size_t row = 0; row < ids.size(); ++row) {
        if (step + 1 >= ids[row].size()) continue;
        given.mutable_data_ptr<int64_t>()[row] = ids[row][step];
        rows.push_back(static_cast<int64_t>(row));
      }
      count(ours.next(given), theirs.next(given), rows);
    }
  }

  /// Logits [B,V] of both, of which `rows` count.
  void count(const at::Tensor& ours, const at::Tensor& theirs, const std::vector<int64_t>& rows) {
    const at::Tensor q = at::log_softmax(ours.to(at::kFloat), -1),
                     p = at::log_softmax(theirs.to(at::kFloat), -1);
    const at::Tensor terms = p.exp() * (p - q);  // where P is 0, log P may be −∞
    const at::Tensor kl = terms.masked_fill(p.exp() == 0, 0).to(at::kDouble).sum(-1);
    const at::Tensor equal = ours.argmax(-1) == theirs.argmax(-1);
    for (const int64_t row : rows) {
      const double value = std::max(kl[row].item<double>(), 0.0);
      sum_ += value;
      report.largest_kl = std::max(report.largest_kl, value);
      report.equal_tokens += equal[row].item<bool>() ? 1 : 0;
      ++report.tokens;
    }
    report.mean_kl = report.tokens > 0 ? sum_ / static_cast<double>(report.tokens) : 0;
  }

  const Session &run_, &reference_;
  const AgainstOptions& options_;
  GenerationParams generation_;
  double sum_ = 0;
};

std::vector<Request> read_requests(const AgainstOptions& options, AgainstReport& report) {
  std::vector<Request> requests;
  RequestSink sink;
  sink.take = [&](Request request) { requests.push_back(std::move(request)); };
  sink.fail = [&](const std::string& id, const std::string& error) {
    report.failures.push_back(cat(id, ": ", error));
  };
  sink.stopped = [&] {
    return (options.limit && std::ssize(requests) >= *options.limit) ||
           (options.cancelled && options.cancelled());
  };
  requests_of_file(options.requests, sink);
  if (options.limit && std::ssize(requests) > *options.limit)
    requests.resize(static_cast<size_t>(*options.limit));
  return requests;
}

std::unique_ptr<Dataset> open_dataset(const Session& session, const AgainstOptions& options) {
  const RunConfig& config = session.config();
  if (!config.dataset)
    throw Error(cat("config ", quoted(config.name),
                    " names no `dataset`; give the requests to compare on with --request"));
  Dataset::Input input = Dataset::Input::of(session.task_head());
  input.limit = options.limit;
  return build_checked<Dataset>(session.registry(), config.dataset, input);
}

double share(int64_t part, int64_t all) {
  return all > 0 ? static_cast<double>(part) / static_cast<double>(all) : 0;
}

}  // namespace

double AgainstReport::answer_agreement() const {
  return share(equal_answers, requests);
}
double AgainstReport::top1_agreement() const {
  return share(equal_tokens, tokens);
}

void require_numbers(const Session& reference) {
  for (const auto& slot : reference.model().weights().slots()) {
    if (!slot->quantized) continue;
    throw Error(cat("the tensor ", quoted(slot->name), " is quantised in ",
                    printable(slot->origins.front().file->path().string(), 1000),
                    ", so there are no numbers to compare with; give the files from which it was made, and "
                    "--quantize"));
  }
}

AgainstReport verify_against(const Session& run, const Session& reference, const AgainstOptions& options) {
  const c10::InferenceMode inference;
  Comparison comparison(run, reference, options);
  std::vector<Request> requests;
  std::unique_ptr<Dataset> dataset;
  if (options.requests.empty()) {
    dataset = open_dataset(run, options);
  } else {
    requests = read_requests(options, comparison.report);
  }
  int64_t total = dataset ? dataset->size() : std::ssize(requests);
  if (dataset && options.limit) total = std::min(total, *options.limit);
  if (total == 0) {
    const auto& failures = comparison.report.failures;
    throw Error(failures.empty() ? "there is no request to compare on" : join(failures, "\n"));
  }
  for (int64_t first = 0; first < total; first += options.batch_size) {
    std::vector<Request> batch;
    for (int64_t i = first; i < std::min(first + options.batch_size, total); ++i)
      batch.push_back(dataset ? dataset->at(i).request : requests[static_cast<size_t>(i)]);
    with_device_memory([&] { comparison.add(batch); });
    if (options.progress) options.progress(std::min(first + options.batch_size, total), total);
  }
  return comparison.report;
}

}  // namespace flam
