#include "framework/train/trainer.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <numbers>
#include <numeric>
#include <utility>

#include "framework/base/random.h"
#include "framework/base/text.h"
#include "framework/device/one_thread.h"
#include "framework/nn/training.h"
#include "framework/train/autocast.h"

namespace flam {

namespace {

struct StepNumbers {
  std::vector<std::pair<std::string, double>> losses;
  double gradient_norm = 0;
};

// All that the host needs to know of a step, in one copy from the device.
StepNumbers read(const std::vector<std::pair<std::string, at::Tensor>>& losses,
                 const at::Tensor& squared_norms) {
  std::vector<at::Tensor> numbers;
  for (const auto& [name, loss] : losses) numbers.push_back(loss.to(at::kFloat).reshape({1}));
  numbers.push_back(squared_norms.to(at::kFloat));
  const at::Tensor on_host = at::cat(numbers).cpu().to(at::kDouble);
  const double* number = on_host.const_data_ptr<double>();
  StepNumbers out;
  for (const auto& [name, loss] : losses) out.losses.emplace_back(name, *number++);
  out.gradient_norm = std::sqrt(std::accumulate(number, number + squared_norms.numel(), 0.0));
  return out;
}

/// Of what the layers draw while one batch of a step is differentiated.
uint64_t seed_of(int64_t seed, int64_t step, int64_t batch) {
  Random mixed(Random(Random(static_cast<uint64_t>(seed)).next() + static_cast<uint64_t>(step)).next() +
               static_cast<uint64_t>(batch));
  return mixed.next();
}

}  // namespace

double Trainer::scale_at(int64_t step) const {
  const TrainConfig& config = parts_.config;
  const double warm =
      config.warmup_steps > 0
          ? std::min(1.0, static_cast<double>(step + 1) / static_cast<double>(config.warmup_steps))
          : 1.0;
  const double done = static_cast<double>(step) / static_cast<double>(config.steps);
  double left = 1;
  if (config.schedule == TrainConfig::Schedule::cosine) left = 0.5 * (1 + std::cos(std::numbers::pi * done));
  if (config.schedule == TrainConfig::Schedule::linear) left = 1 - done;
  return warm * (config.final_fraction + (1 - config.final_fraction) * left);
}

// On the CPU, as many micro-batches as there are threads run at once, with one thread each. Their gradients
// are summed in order, so that the result does not depend on the number of threads.
Trainer::Losses Trainer::differentiate_part(int64_t step, int64_t begin, int64_t end) {
  const TrainConfig& config = parts_.config;
  const int64_t size = micro_batch_of(config), count = end - begin;
  std::vector<at::Tensor> leaves;
  for (const TrainedTensor& tensor : trained_->tensors()) leaves.push_back(tensor.base.value);
  const at::Device device = parts_.model.device();
  const int64_t at_once = device.is_cpu() ? std::min<int64_t>(count, at::get_num_threads()) : 1;
  std::vector<StepLoss> losses(static_cast<size_t>(at_once));
  std::vector<std::vector<at::Tensor>> gradients(losses.size());
  const auto differentiate_batch = [&](int64_t batch, size_t place) {
    StepLoss& loss = losses[place];
    {
      const Autocast autocast(config.bfloat16, device.type());
      const Training training(seed_of(config.seed, step, batch));
      loss = objectives_.loss(step, batch * size, size);
    }
    if (!loss.total.requires_grad())
      throw Error(
          "none of the tensors in `train.trained` affects the objective; choose other tensors or another "
          "objective");
    gradients[place] = torch::autograd::grad({loss.total}, leaves, {}, /*retain_graph=*/{},
                                             /*create_graph=*/false, /*allow_unused=*/true);
    loss.total = at::Tensor();
  };
  Losses sums;
  for (int64_t first = begin; first < end; first += at_once) {
    const int64_t batches = std::min(at_once, end - first);
    if (at_once == 1) {
      differentiate_batch(first, 0);
    } else {
      at::parallel_for(0, batches, 1, [&](int64_t from, int64_t to) {
        // oneDNN's convolutions would wait forever for threads, which a parallel region does not give them.
        const OneThread alone;
        for (int64_t i = from; i < to; ++i) differentiate_batch(first + i, static_cast<size_t>(i));
      });
    }
    const at::NoGradGuard no_grad;
    for (size_t i = 0; i < static_cast<size_t>(batches); ++i) {
      trained_->add_gradients(std::exchange(gradients[i], {}));
      if (sums.empty()) {
        sums = losses[i].parts;
      } else {
        for (size_t part = 0; part < sums.size(); ++part)
          sums[part].second = sums[part].second + losses[i].parts[part].second;
      }
    }
  }
  return sums;
}

Trainer::Losses Trainer::differentiate(int64_t step, bool& cancelled) {
  const int64_t count = micro_batches_of(parts_.config);
  const auto [begin, end] = exchange_.part_of(count);
  Losses sums = differentiate_part(step, begin, end);
  if (exchange_.is_shared()) {
    const at::Tensor numbers = at::zeros({std::ssize(sums) + 1}, at::kDouble);
    auto* number = numbers.mutable_data_ptr<double>();
    for (size_t i = 0; i < sums.size(); ++i) number[i] = sums[i].second.item().toDouble();
    number[sums.size()] = cancelled ? 1 : 0;
    exchange_.sum(trained_->tensors(), numbers);
    for (size_t i = 0; i < sums.size(); ++i)
      sums[i].second = at::full({}, number[i], sums[i].second.options().dtype(at::kFloat));
    cancelled = number[sums.size()] > 0;
  }
  if (count > 1) {
    trained_->divide_gradients(static_cast<double>(count));
    for (auto& entry : sums) entry.second = entry.second / static_cast<double>(count);
  }
  return sums;
}

void Trainer::validate(int64_t done, const TrainHooks& hooks) {
  const Averages in_use(*trained_);  // what the output holds
  const auto losses = validation_->losses();
  const bool best = validation_->take(losses.back().second);
  if (!exchange_.is_first()) return;
  RunLog::Numbers numbers;
  for (const auto& [name, loss] : losses) numbers.emplace_back("validation/" + name, loss);
  writing([&] {
    log_.add(done, numbers);
    if (best) save(parts_.config.best_file(), done);
  });
  if (hooks.validated) hooks.validated(done, losses, best);
}

void Trainer::report(TrainProgress& progress, int64_t done, const TrainHooks& hooks) {
  progress.losses = std::exchange(losses_since_, {});
  for (auto& entry : progress.losses) entry.second /= static_cast<double>(steps_since_);
  steps_since_ = 0;
  if (!exchange_.is_first()) return;
  progress.step = done;
  RunLog::Numbers numbers;
  for (const auto& [name, loss] : progress.losses) numbers.emplace_back("loss/" + name, loss);
  numbers.insert(numbers.end(), {{"gradient_norm", progress.gradient_norm},
                                 {"learning_rate_scale", progress.scale},
                                 {"seconds", progress.seconds}});
  writing([&] { log_.add(done, numbers); });
  if (hooks.log) hooks.log(progress);
}

bool Trainer::run(const TrainHooks& given) {
  TrainHooks hooks;
  if (exchange_.is_first()) hooks = given;
  const TrainConfig& config = parts_.config;
  const auto start = std::chrono::steady_clock::now();
  TrainProgress progress{0, config.steps, 0, 0, 0, {}};
  if (hooks.loaded) hooks.loaded(left_out_);
  const int64_t first = begin();
  log_.begin(first);
  int64_t steps_done = first;
  for (int64_t step = first; step < config.steps; ++step) {
    const auto is_cancelled = [&] { return given.cancelled && given.cancelled(); };
    // All processes must stop after the same step, so they agree before it is taken.
    bool cancelled = exchange_.is_shared() && is_cancelled();
    const auto on_device = differentiate(step, cancelled);
    const auto [losses, norm] = read(on_device, trained_->squared_norms());
    const std::string again = std::filesystem::exists(config.checkpoint_file())
                                  ? ", and delete " + quoted(config.checkpoint_file())
                                  : "";
    for (const auto& [name, loss] : losses) {
      if (std::isfinite(loss)) continue;
      throw RunError(cat("the loss ", quoted(name), " is no longer finite at step ", step,
                         "; try a lower learning rate", again));
    }
    if (!std::isfinite(norm))
      throw RunError(
          cat("the gradients are no longer finite at step ", step, "; try a lower learning rate", again));
    progress.scale = scale_at(step);
    progress.gradient_norm = norm;
    trained_->step(progress.scale, norm);
    losses_since_.resize(losses.size());
    for (size_t i = 0; i < losses.size(); ++i) {
      losses_since_[i] = {losses[i].first, losses_since_[i].second + losses[i].second};
    }
    ++steps_since_;
    const int64_t done = step + 1;
    if (hooks.progress) hooks.progress(done, config.steps);
    progress.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    bool last = done == config.steps;
    if (validation_ && validation_->is_due(done)) {
      validate(done, hooks);
      last = last || validation_->is_stuck();
    }
    if (last || done % config.log_every == 0) report(progress, done, hooks);
    if (hooks.sample && config.sample_every > 0 && done % config.sample_every == 0) {
      for (const std::string& sample : objectives_.samples(step)) hooks.sample(sample);
    }
    if (!exchange_.is_shared()) cancelled = is_cancelled();
    if (cancelled || (config.checkpoint_every > 0 && done % config.checkpoint_every == 0))
      save_checkpoint(done);
    if (cancelled) return false;
    steps_done = done;
    if (last) break;
  }
  if (!exchange_.is_first()) return true;
  const Averages in_use(*trained_);
  writing([&] { save(config.output, steps_done); });
  std::filesystem::remove(config.checkpoint_file());
  return true;
}

}  // namespace flam
