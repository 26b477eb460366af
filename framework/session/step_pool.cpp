#include "framework/session/step_pool.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <bit>
#include <exception>

#include "framework/device/device_memory.h"

namespace flam {

namespace {

constexpr size_t kMostSeen = 64;

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

StepPool::Size StepPool::size_of(const Batch& batch, int64_t beams, int64_t max_new_tokens) const {
  const at::Tensor real = batch.attention_mask;
  const at::Tensor markers = (batch.ids == model_.image_token_id()).logical_and(real);
  const int64_t inserted = batch.media.defined() ? model_.inserted_positions() : 0;
  const at::Tensor positions = real.sum(1) + markers.sum(1) * inserted;
  // An adapter that inserts nothing keeps the padding of the batch.
  const int64_t longest = std::max(positions.max().item<int64_t>(), inserted > 0 ? 0 : batch.ids.size(1));
  const auto room =
      static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(std::max(max_new_tokens, kLeastRoom))));
  return {batch.ids.size(0), beams, (longest + kPromptBucket - 1) / kPromptBucket * kPromptBucket,
          batch.media.defined() ? batch.media.size(1) : 0, room};
}

std::unique_ptr<StepModel> StepPool::start(const Batch& batch, int64_t beams, int64_t max_new_tokens) {
  if (batch.kept) return model_.start(batch, beams, max_new_tokens);
  const Size size = size_of(batch, beams, max_new_tokens);
  const auto [rows, rows_beams, positions, media, room] = size;
  // The context may have room for the request itself, but not for the rounded sizes.
  if (positions + room > model_.language_decoder().max_positions() ||
      !is_worth_recording(size, max_new_tokens))
    return model_.start(batch, beams, max_new_tokens);
  if (auto kept = take(size); kept && model_.restart(*kept, batch, kPromptBucket))
    return std::make_unique<Lease>(*this, size, std::move(kept));
  const auto record = [&, room = room] {
    return std::make_unique<Lease>(*this, size,
                                   model_.start(batch, beams, room, nullptr, graphs_->make(), kPromptBucket));
  };
  try {
    return record();
  } catch (const c10::Error& error) {
    if (!is_out_of_memory(error) || kept() == 0) throw;
  }
  clear();
  return record();
}

int64_t StepPool::kept() const {
  const std::lock_guard lock(mutex_);
  return std::ssize(idle_);
}

void StepPool::clear() {
  std::list<Idle> idle;  // graphs end without the lock
  const std::lock_guard lock(mutex_);
  idle.swap(idle_);
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
