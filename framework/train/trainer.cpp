#include "framework/train/trainer.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/autocast_mode.h>
#include <ATen/ops/cat.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <numbers>
#include <numeric>
#include <utility>

#include "framework/base/file.h"
#include "framework/base/log.h"
#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/device/one_thread.h"
#include "framework/weights/checkpoint.h"

namespace flam {

namespace {

class Autocast {
 public:
  Autocast(bool on, at::DeviceType device) : on_(on), device_(device) {
    if (!on_) return;
    at::autocast::set_autocast_enabled(device_, true);
    at::autocast::set_autocast_dtype(device_, at::kBFloat16);
    at::autocast::increment_nesting();
  }
  ~Autocast() {
    if (!on_) return;
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(device_, false);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  bool on_;
  at::DeviceType device_;
};

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

}  // namespace

Trainer::Trainer(TrainingParts& parts, WeightStore& weights)
    : parts_(parts), weights_(weights), objective_(parts, label_weights_) {
  make_room_for_output();
  load_initial_weights();
  label_weights_.initialise(parts.model.device(), at::kFloat, static_cast<uint64_t>(parts.config.seed));
  optimizer_ = std::make_unique<Optimizer>(parts_.config, trained_tensors());
}

// Checked before training, because an output that can't be written would lose the result.
void Trainer::make_room_for_output() const {
  const std::filesystem::path folder = std::filesystem::absolute(parts_.config.output).parent_path();
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (problem)
    throw Error(
        cat("cannot make the folder of `train.output`, ", quoted(folder.string()), ": ", problem.message()));
  for (const std::string& file : {parts_.config.output, checkpoint_file()}) AtomicFile probe(file);
}

void Trainer::load_initial_weights() {
  const at::NoGradGuard no_grad;
  weights_.initialise(parts_.model.device(), at::kFloat, static_cast<uint64_t>(parts_.config.seed));
  for (const std::string& file : parts_.config.init_from) {
    const auto checkpoint = open_checkpoint(file);
    const std::string shown = printable(file, 4096);
    int64_t left_out = 0;
    for (const std::string& name : checkpoint->names()) {
      const auto wanted = [&](const std::string& pattern) { return match_pattern(pattern, name); };
      if (std::none_of(parts_.config.init_patterns.begin(), parts_.config.init_patterns.end(), wanted))
        continue;
      const auto slot = weights_.find(name);
      const bool may_differ = parts_.config.init_where_it_fits;
      if (!slot && !may_differ)
        throw Error(cat(shown, " has ", quoted(name), ", which this model doesn't have"));
      const at::Tensor value = checkpoint->tensor(name);
      if (may_differ && (!slot || value.sizes() != slot->tensor.sizes())) {
        ++left_out;
        continue;
      }
      if (value.sizes() != slot->tensor.sizes()) {
        throw Error(cat(shown, ": ", quoted(name), " has shape ", value.sizes(), ", but this model's has ",
                        slot->tensor.sizes()));
      }
      slot->tensor.copy_(value);
      slot->origins = {{checkpoint->file_of(name), name}};
    }
    if (left_out > 0)
      log_info(cat(shown, ": skipped ", counted(left_out, "tensor"), " of other shapes than this model's"));
    left_out_ += left_out;
  }
}

std::vector<TrainedTensor> Trainer::trained_tensors() {
  std::vector<TrainedTensor> out;
  const auto rates = parts_.config.rates();
  const bool muon = parts_.config.optimizer == TrainConfig::Optimizer::muon;
  const auto add = [&](WeightSlot& slot, double rate, bool may_be_orthogonal) {
    slot.tensor.set_requires_grad(true);
    const bool orthogonal = muon && may_be_orthogonal && slot.shape.size() == 2 && !slot.vocabulary;
    out.push_back({slot.name, slot.tensor, rate, orthogonal, slot.parts, {}, {}});
  };
  std::vector<bool> used(rates.size());
  for (const auto& slot : weights_.slots()) {
    if (slot->statistic) continue;
    const auto matching = std::find_if(rates.begin(), rates.end(), [&](const auto& entry) {
      return match_pattern(entry.first, slot->name);
    });
    if (matching != rates.end()) used[matching - rates.begin()] = true;
    const bool skipped = objective_.from_features() && slot->name.starts_with("vision_backbone.");
    if (skipped && matching != rates.end()) {
      throw Error(cat("the pattern ", quoted(matching->first), " of `train.trained` matches ",
                      quoted(slot->name),
                      ", but the dataset gives features, so the backbone doesn't run and can't be trained; "
                      "name the slots to train (\"resampler.*\", …)"));
    }
    const double rate = matching != rates.end()             ? matching->second
                        : skipped || !slot->origins.empty() ? 0
                                                            : parts_.config.new_tensor_rate;
    if (rate == 0) continue;
    // Embeddings and latents are tables of independent rows, not matrices to orthogonalise.
    const auto ends_with = [&](const char* end) { return slot->name.ends_with(end); };
    const bool table =
        ends_with("position_embedding") || ends_with("class_embedding.weight") || ends_with("latents");
    add(*slot, rate, !table);
  }
  if (out.empty())
    throw Error(
        "no tensor matches a pattern of `train.trained` (`flam describe CONFIG --tensors` lists "
        "them)");
  for (size_t i = 0; i < rates.size(); ++i) {
    if (!used[i])
      log_info(cat("no tensor of this model gets its rate from the pattern ", quoted(rates[i].first),
                   " of `train.trained`: none matches it, or an earlier pattern matches them all"));
  }
  for (const auto& slot : label_weights_.slots()) add(*slot, rates.front().second, false);
  return out;
}

double Trainer::scale_at(int64_t step) const {
  const TrainConfig& config = parts_.config;
  const double warm =
      config.warmup_steps > 0
          ? std::min(1.0, static_cast<double>(step + 1) / static_cast<double>(config.warmup_steps))
          : 1.0;
  const double done = static_cast<double>(step) / static_cast<double>(config.steps);
  return warm * (config.final_fraction +
                 (1 - config.final_fraction) * 0.5 * (1 + std::cos(std::numbers::pi * done)));
}

// On the CPU, as many micro-batches as there are threads run at once, with one thread each. Their gradients
// are summed in order, so that the result does not depend on the number of threads.
std::vector<std::pair<std::string, at::Tensor>> Trainer::differentiate(int64_t step) {
  const TrainConfig& config = parts_.config;
  const int64_t size = config.micro_batch_size > 0 ? config.micro_batch_size : config.batch_size;
  const int64_t count = config.batch_size / size;
  std::vector<at::Tensor> leaves;
  for (const TrainedTensor& tensor : optimizer_->tensors()) leaves.push_back(tensor.value);
  const at::Device device = parts_.model.device();
  const int64_t at_once = device.is_cpu() ? std::min<int64_t>(count, at::get_num_threads()) : 1;
  std::vector<StepLoss> losses(static_cast<size_t>(at_once));
  std::vector<std::vector<at::Tensor>> gradients(losses.size());
  const auto differentiate_batch = [&](int64_t batch, size_t place) {
    StepLoss& loss = losses[place];
    {
      const Autocast autocast(config.bfloat16, device.type());
      loss = objective_.loss(step, batch * size, size);
    }
    if (!loss.total.requires_grad())
      throw Error(
          "none of the tensors in `train.trained` affects the objective; choose other tensors or another "
          "objective");
    gradients[place] = torch::autograd::grad({loss.total}, leaves, {}, /*retain_graph=*/{},
                                             /*create_graph=*/false, /*allow_unused=*/true);
    loss.total = at::Tensor();
  };
  std::vector<std::pair<std::string, at::Tensor>> sums;
  for (int64_t first = 0; first < count; first += at_once) {
    const int64_t batches = std::min(at_once, count - first);
    if (at_once == 1) {
      differentiate_batch(first, 0);
    } else {
      at::parallel_for(0, batches, 1, [&](int64_t begin, int64_t end) {
        // oneDNN's convolutions would wait forever for threads, which a parallel region does not give them.
        const OneThread alone;
        for (int64_t i = begin; i < end; ++i) differentiate_batch(first + i, static_cast<size_t>(i));
      });
    }
    const at::NoGradGuard no_grad;
    for (size_t i = 0; i < static_cast<size_t>(batches); ++i) {
      optimizer_->add_gradients(std::exchange(gradients[i], {}));
      if (sums.empty()) {
        sums = losses[i].parts;
      } else {
        for (size_t part = 0; part < sums.size(); ++part)
          sums[part].second = sums[part].second + losses[i].parts[part].second;
      }
    }
  }
  if (count > 1) {
    optimizer_->divide_gradients(static_cast<double>(count));
    for (auto& entry : sums) entry.second = entry.second / static_cast<double>(count);
  }
  return sums;
}

bool Trainer::run(const TrainHooks& hooks) {
  const TrainConfig& config = parts_.config;
  const auto start = std::chrono::steady_clock::now();
  TrainProgress report{0, config.steps, 0, 0, 0, {}};
  if (hooks.loaded) hooks.loaded(left_out_);
  for (int64_t step = resume(); step < config.steps; ++step) {
    const auto on_device = differentiate(step);
    const auto [losses, norm] = read(on_device, optimizer_->squared_norms());
    for (const auto& [name, loss] : losses) {
      if (std::isfinite(loss)) continue;
      throw RunError(
          cat("the loss ", quoted(name), " is no longer finite at step ", step, "; try a lower learning rate",
              std::filesystem::exists(checkpoint_file()) ? ", and delete " + quoted(checkpoint_file()) : ""));
    }
    report.scale = scale_at(step);
    report.gradient_norm = norm;
    optimizer_->step(report.scale, norm);
    losses_since_.resize(losses.size());
    for (size_t i = 0; i < losses.size(); ++i) {
      losses_since_[i] = {losses[i].first, losses_since_[i].second + losses[i].second};
    }
    ++steps_since_;
    const int64_t done = step + 1;
    if (hooks.progress) hooks.progress(done, config.steps);
    if (done % config.log_every == 0 || done == config.steps) {
      report.losses = std::exchange(losses_since_, {});
      for (auto& entry : report.losses) entry.second /= static_cast<double>(steps_since_);
      steps_since_ = 0;
      report.step = done;
      report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      if (hooks.log) hooks.log(report);
    }
    if (hooks.sample && config.sample_every > 0 && done % config.sample_every == 0) {
      for (const std::string& sample : objective_.samples(step)) hooks.sample(sample);
    }
    const bool cancelled = hooks.cancelled && hooks.cancelled();
    if (cancelled || (config.checkpoint_every > 0 && done % config.checkpoint_every == 0))
      save_checkpoint(done);
    if (cancelled) return false;
  }
  save_output();
  std::filesystem::remove(checkpoint_file());
  return true;
}

void Trainer::save_output() const {
  // Tensors that were neither trained nor loaded are left out: a later file would override the stage that
  // trains them.
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const auto& slot : weights_.slots()) {
    const auto owner = slot->statistic
                           ? weights_.find(slot->name.substr(0, slot->name.rfind('.')) + ".weight")
                           : slot;  // statistics go with the norm that uses them
    const bool loaded = parts_.config.save_frozen && !slot->origins.empty();
    if (loaded || (owner && owner->tensor.requires_grad()))
      tensors.emplace_back(slot->name, slot->tensor.detach());
  }
  write_safetensors(parts_.config.output, tensors);
}

}  // namespace flam
