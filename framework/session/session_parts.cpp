#include "framework/session/session_parts.h"

#include <algorithm>
#include <numeric>

#include "framework/base/hash.h"
#include "framework/config/config.h"
#include "framework/device/device_memory.h"
#include "framework/device/dtype.h"
#include "framework/device/one_thread.h"
#include "framework/generate/generate.h"
#include "framework/session/batch_memory.h"
#include "framework/weights/quantize_weights.h"

namespace flam {

namespace {

class TimedModel final : public StepModel {
 public:
  TimedModel(std::unique_ptr<StepModel> model, at::Device device, StageTimes* times)
      : model_(std::move(model)), device_(device), times_(times) {}
  int64_t batch() const override { return model_->batch(); }
  at::Tensor prefill() override {
    const StageTimes::Scope timer(times_, "prefill", device_);
    return model_->prefill();
  }
  at::Tensor step(const at::Tensor& ids) override {
    const StageTimes::Scope timer(times_, "step", device_);
    return model_->step(ids);
  }
  void reorder(const at::Tensor& source) override { model_->reorder(source); }

 private:
  std::unique_ptr<StepModel> model_;
  at::Device device_;
  StageTimes* times_;
};

std::unique_ptr<StepModel> timed(std::unique_ptr<StepModel> model, at::Device device, StageTimes* times) {
  if (!times) return model;
  return std::make_unique<TimedModel>(std::move(model), device, times);
}

/// Runs `work`. If the device runs out of memory while generations are kept, these give way, and it runs once
/// more unless `begun` says that some of the result was given away already. RunError: out of memory.
template <class Work>
auto with_room(StepPool* kept, const Work& work, const bool* begun = nullptr) {
  if (kept && kept->kept() > 0) {
    try {
      return work();
    } catch (const c10::Error& error) {
      if (!is_out_of_memory(error) || (begun && *begun))
        return with_device_memory([&]() -> decltype(work()) { throw; });
    }
    kept->clear();
  }
  return with_device_memory(work);
}

void finish_text(Hypothesis& hypothesis, const GenerationParams& params, const Tokenizer& tokenizer) {
  hypothesis.text = text_of(hypothesis.ids, tokenizer);
  hypothesis.text.resize(
      std::min(hypothesis.text.size(), find_stop_string(hypothesis.text, params.stop_strings)));
}

}  // namespace

std::string hash_of_backbone(const WeightStore& weights) {
  std::string hashes;
  for (const auto& slot : weights.slots()) {
    if (!slot->name.starts_with("vision_backbone.")) continue;
    hashes += slot->name;
    for (const at::Tensor& stored : stored_tensors(*slot)) {
      const at::Tensor values = stored.cpu().contiguous();
      hashes +=
          sha256({static_cast<const char*>(values.const_data_ptr()), static_cast<size_t>(values.nbytes())});
    }
  }
  return sha256(hashes);
}

// Within one session the weights stay as they are, so their hash, which takes seconds for a large backbone,
// is left out. A cache that outlives the session must add it.
std::string SessionParts::feature_setting() const {
  std::string out = config.pictures.key();
  out += write_yaml(config.model.media_layout.resolved());
  out += write_yaml(config.model.vision_backbone.resolved());
  for (const ComponentConfig& transform : config.transforms) out += write_yaml(transform.resolved());
  return out + dtype_name(model->dtype());
}

bool SessionParts::is_new_warning(const std::string& text) const {
  const std::lock_guard lock(warnings_mutex_);
  return warnings_.insert(text).second;
}

Prepared SessionParts::prepare(std::span<const Prompt> prompts, StageTimes* times, bool with_pixels) const {
  const ThreadCount computing(options.threads);
  const EncodedMedia encoded = with_room(graphs.get(), [&] {
    return media->load(prompts, {times, with_pixels});
  });
  std::vector<size_t> rows(prompts.size());
  std::iota(rows.begin(), rows.end(), 0);
  for (const std::exception_ptr& error : encoded.errors) {
    if (error) std::rethrow_exception(error);
  }
  Prepared prepared = with_device_memory([&] { return media->arrange(encoded, rows); });
  const StageTimes::Scope timer(times, "tokenize");
  encode_rows(*model, prepared);
  return prepared;
}

void SessionParts::encode_media(Prepared& prepared, StageTimes* times, Probe* probe) const {
  const ThreadCount computing(options.threads);
  with_room(graphs.get(), [&] { media->resample(prepared, times, probe); });
}

std::unique_ptr<StepModel> SessionParts::start(const Prepared& prepared, int64_t beams,
                                               int64_t max_new_tokens) const {
  const ThreadCount computing(options.threads);
  require_memory_for_batch(*model, prepared.batch, beams, max_new_tokens);
  if (graphs) return graphs->start(prepared.batch, beams, max_new_tokens);
  return model->start(prepared.batch, beams, max_new_tokens);
}

std::vector<Result> SessionParts::generate(const Prepared& prepared, const GenerationParams& params,
                                           const CallOptions& call,
                                           const std::function<void(int64_t, int64_t)>& on_token) const {
  const ThreadCount computing(options.threads);
  const Tokenizer& tokenizer = model->tokenizer();
  GenerateInput input;
  input.prompts = prepared.rows;
  if (params.do_sample) input.row_seeds = row_seeds(prepared);
  input.stop_ids = stop_ids(params, tokenizer);
  input.choosable_ids = params.suppress_padded_vocab ? model->token_count() : model->vocabulary_rows();
  input.decode = [&](const std::vector<int64_t>& ids) { return text_of(ids, tokenizer); };
  input.cancelled = call.cancelled;
  bool begun = false;
  if (on_token) {
    input.on_token = [&](int64_t row, int64_t id, double) {
      begun = true;
      on_token(row, id);
    };
  }
  const auto answer = [&] {
    const auto steps =
        timed(start(prepared, rows_per_prompt(params), params.max_new_tokens), model->device(), call.times);
    return flam::generate(*steps, input, params);
  };
  auto results = with_room(graphs.get(), answer, &begun);
  for (Result& result : results) {
    for (Hypothesis& hypothesis : result.hypotheses) finish_text(hypothesis, params, tokenizer);
  }
  return results;
}

}  // namespace flam
