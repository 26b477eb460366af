#include "framework/session/step_pool.h"

#include <ATen/ops/constant_pad_nd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <exception>

#include "framework/device/device_memory.h"

namespace flam {

namespace {

constexpr size_t kMostSeen = 64;

/// The batch with `padding` more tokens of padding on the left.
Batch padded(const Batch& batch, int64_t padding) {
  if (padding == 0) return batch;
  const std::array<int64_t, 2> left = {padding, 0};
  return {at::constant_pad_nd(batch.ids, left, 0), at::constant_pad_nd(batch.attention_mask, left, 0),
          batch.media};
}

}  // namespace

/// A generation that goes back to the pool.
class StepPool::Lease final : public StepModel {
 public:
  Lease(StepPool& pool, const Size& size, std::unique_ptr<StepModel> steps)
      : pool_(pool), size_(size), steps_(std::move(steps)) {}
  ~Lease() override {
    if (sound_) pool_.give_back(size_, std::move(steps_));
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  int64_t batch() const override { return steps_->batch(); }
  at::Tensor prefill() override {
    const Use use(*this);
    return steps_->prefill();
  }
  at::Tensor step(const at::Tensor& ids) override {
    const Use use(*this);
    return steps_->step(ids);
  }
  void reorder(const at::Tensor& source) override {
    const Use use(*this);
    steps_->reorder(source);
  }

 private:
  /// After an error, the state of the generation is not known, so it is not used again.
  struct Use {
    explicit Use(Lease& lease) : lease(lease), before(std::uncaught_exceptions()) {}
    ~Use() { lease.sound_ = lease.sound_ && std::uncaught_exceptions() == before; }
    Lease& lease;
    int before;
  };

  StepPool& pool_;
  Size size_;
  std::unique_ptr<StepModel> steps_;
  bool sound_ = true;
};

StepPool::StepPool(const Model& model, std::unique_ptr<StepGraphs> graphs, bool automatic)
    : model_(model), graphs_(std::move(graphs)), automatic_(automatic) {}
StepPool::~StepPool() = default;

std::unique_ptr<StepModel> StepPool::start(const Batch& batch, int64_t beams, int64_t max_new_tokens) {
  const int64_t tokens = batch.ids.size(1);
  const int64_t padding = (kPromptBucket - tokens % kPromptBucket) % kPromptBucket;
  const auto room =
      static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(std::max(max_new_tokens, kLeastRoom))));
  const int64_t media = batch.media.defined() ? batch.media.size(1) : 0;
  const Size size{batch.ids.size(0), beams, tokens + padding, media, room};
  const Batch prompts = padded(batch, padding);
  // The context may have room for the request itself, but not for the rounded sizes.
  const int64_t positions = tokens + padding + media * model_.media_tokens() + room;
  if (positions > model_.language_decoder().max_positions() || !is_worth_recording(size, max_new_tokens))
    return model_.start(batch, beams, max_new_tokens);
  while (auto kept = take(size)) {
    if (model_.restart(*kept, prompts)) return std::make_unique<Lease>(*this, size, std::move(kept));
  }
  const auto record = [&] {
    return std::make_unique<Lease>(*this, size, model_.start(prompts, beams, room, nullptr, graphs_->make()));
  };
  try {
    return record();
  } catch (const c10::Error& error) {
    if (!is_out_of_memory(error) || kept() == 0) throw;
  }
  {
    const std::lock_guard lock(mutex_);
    idle_.clear();
  }
  return record();
}

int64_t StepPool::kept() const {
  const std::lock_guard lock(mutex_);
  return std::ssize(idle_);
}

bool StepPool::is_worth_recording(const Size& size, int64_t max_new_tokens) {
  if (!automatic_ || max_new_tokens >= kWorthRecording) return true;
  const std::lock_guard lock(mutex_);
  if (std::ranges::find(idle_, size, &Idle::size) != idle_.end()) return true;
  if (std::ranges::find(seen_, size) != seen_.end()) return true;
  seen_.push_front(size);
  if (seen_.size() > kMostSeen) seen_.pop_back();
  return false;
}

std::unique_ptr<StepModel> StepPool::take(const Size& size) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(idle_, size, &Idle::size);
  if (found == idle_.end()) return nullptr;
  auto steps = std::move(found->steps);
  idle_.erase(found);
  return steps;
}

void StepPool::give_back(const Size& size, std::unique_ptr<StepModel> steps) {
  std::unique_ptr<StepModel> oldest;  // its memory is given back without the lock
  const std::lock_guard lock(mutex_);
  idle_.push_front({size, std::move(steps)});
  if (idle_.size() <= kMostKept) return;
  oldest = std::move(idle_.back().steps);
  idle_.pop_back();
}

}  // namespace flam
