// The checkpoint of a resumed run: weights, the optimiser's state and the position. The file is untrusted.
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <filesystem>

#include "framework/base/text.h"
#include "framework/train/trainer.h"
#include "framework/weights/checkpoint.h"

namespace flam {

namespace {

/// A tensor with exactly this shape and type. Error: the file's tensor differs.
at::Tensor tensor_of(const Checkpoint& checkpoint, const std::string& file, const std::string& name,
                     at::IntArrayRef shape, at::ScalarType dtype) {
  at::Tensor value = checkpoint.tensor(name);
  if (value.sizes() == shape && value.scalar_type() == dtype) return value;
  throw Error(cat(quoted(file), ": ", quoted(name), " is ", value.scalar_type(), " ", value.sizes(),
                  ", expected ", dtype, " ", shape, "; delete the checkpoint to start again"));
}

}  // namespace

void Trainer::writing(const std::function<void()>& write) const {
  try {
    write();
  } catch (const Error& error) {
    throw RunError(cat(error.what(), "; once it can be written, the same command ",
                       checkpointed_ > 0 ? cat("continues from the checkpoint of step ", checkpointed_)
                                         : std::string("starts again, because there is no checkpoint yet")));
  }
}

void Trainer::save_checkpoint(int64_t steps_done) {
  if (!exchange_.is_first()) return;
  auto tensors = trained_->state();
  for (const TrainedTensor& tensor : trained_->tensors())
    tensors.emplace_back("weight." + tensor.base.name, tensor.base.value.detach());
  tensors.emplace_back("steps_done", at::full({1}, steps_done, at::kLong));
  // The first report of a resumed run then equals that of an uninterrupted run.
  tensors.emplace_back("steps_since_report", at::full({1}, steps_since_, at::kLong));
  for (size_t i = 0; i < losses_since_.size(); ++i)
    tensors.emplace_back(cat("loss_since_report.", i), at::full({1}, losses_since_[i].second, at::kDouble));
  if (validation_) {
    tensors.emplace_back("best_validation", at::full({1}, validation_->best, at::kDouble));
    tensors.emplace_back("validations_since_best", at::full({1}, validation_->since_best, at::kLong));
  }
  writing([&] {
    write_safetensors(parts_.config.checkpoint_file(), tensors, {{"settings", parts_.settings}});
  });
  checkpointed_ = steps_done;
}

int64_t Trainer::begin() {
  const int64_t done = exchange_.is_first() ? resume() : 0;
  return exchange_.is_shared() ? share_state(done) : done;
}

int64_t Trainer::share_state(int64_t steps_done) {
  const at::Tensor numbers = at::zeros({5}, at::kDouble);
  auto* number = numbers.mutable_data_ptr<double>();
  number[0] = static_cast<double>(steps_done);
  number[1] = static_cast<double>(steps_since_);
  number[2] = static_cast<double>(losses_since_.size());
  if (validation_) {
    number[3] = validation_->best;
    number[4] = static_cast<double>(validation_->since_best);
  }
  exchange_.share({numbers});
  steps_done = static_cast<int64_t>(number[0]);
  steps_since_ = static_cast<int64_t>(number[1]);
  losses_since_.resize(static_cast<size_t>(number[2]));
  if (validation_) {
    validation_->best = number[3];
    validation_->since_best = static_cast<int64_t>(number[4]);
  }
  std::vector<at::Tensor> tensors;
  for (const TrainedTensor& tensor : trained_->tensors()) tensors.push_back(tensor.base.value);
  if (steps_done > 0) {
    for (const auto& [name, tensor] : trained_->state()) tensors.push_back(tensor);
    if (!exchange_.is_first())
      trained_->restore([](const std::string&, const at::Tensor& like) { return like; }, steps_done);
  }
  exchange_.share(tensors);
  return steps_done;
}

int64_t Trainer::resume() {
  const std::string file = parts_.config.checkpoint_file();
  if (!std::filesystem::exists(file)) return 0;
  const auto checkpoint = open_checkpoint(file);
  const auto metadata = checkpoint->metadata();
  const auto written = metadata.find("settings");
  if (written == metadata.end() || written->second != parts_.settings) {
    throw Error(
        cat(quoted(file),
            " was written with another config (model, dataset or `train`); continue with that config, or "
            "delete the checkpoint to start again"));
  }
  const auto number = [&](const char* name, int64_t most) {
    const int64_t value = tensor_of(*checkpoint, file, name, {1}, at::kLong).item().toLong();
    if (value >= 0 && value <= most) return value;
    throw Error(cat(quoted(file), ": ", quoted(name), " is ", value, ", expected 0 to ", most,
                    "; delete the checkpoint to start again"));
  };
  const int64_t done = number("steps_done", parts_.config.steps);
  steps_since_ = number("steps_since_report", done);
  losses_since_.clear();
  if (steps_since_ > 0) {
    const auto& names = checkpoint->names();
    for (size_t i = 0;; ++i) {
      const std::string name = cat("loss_since_report.", i);
      if (!std::binary_search(names.begin(), names.end(), name)) break;
      losses_since_.emplace_back("", tensor_of(*checkpoint, file, name, {1}, at::kDouble).item().toDouble());
    }
  }
  if (validation_) {
    validation_->best = tensor_of(*checkpoint, file, "best_validation", {1}, at::kDouble).item().toDouble();
    validation_->since_best = number("validations_since_best", done);
  }
  const at::NoGradGuard no_grad;
  for (const TrainedTensor& tensor : trained_->tensors())
    tensor.base.value.copy_(tensor_of(*checkpoint, file, "weight." + tensor.base.name,
                                      tensor.base.value.sizes(), tensor.base.value.scalar_type()));
  trained_->restore(
      [&](const std::string& name, const at::Tensor& like) {
        return tensor_of(*checkpoint, file, name, like.sizes(), like.scalar_type());
      },
      done);
  checkpointed_ = done;
  return done;
}

}  // namespace flam
