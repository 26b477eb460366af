#pragma once
// One stage of training: steps, schedule, log, and checkpoints from which a later run resumes.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "framework/base/partial_file.h"
#include "framework/train/exchange.h"
#include "framework/train/objectives.h"
#include "framework/train/run_log.h"
#include "framework/train/trained_tensors.h"
#include "framework/train/validation.h"

namespace flam {

struct TrainProgress {
  int64_t step = 0, steps = 0;
  double gradient_norm = 0, scale = 0, seconds = 0;
  std::vector<std::pair<std::string, double>> losses;  // means since the last report
};

struct TrainHooks {
  std::function<void(int64_t left_out)> loaded;  // number of tensors of files that don't fit
  std::function<void(const TrainProgress&)> log;
  std::function<void(int64_t step, int64_t steps)> progress;
  std::function<void(const std::string&)> sample;
  /// Mean losses on the validation dataset by name, the last is their total; and whether it is the best so
  /// far.
  std::function<void(int64_t step, const std::vector<std::pair<std::string, double>>& losses, bool best)>
      validated;
  std::function<bool()> cancelled;
};

/// Trains the model's weights in place. If OUTPUT.checkpoint exists, training continues from there, and with
/// the same number of processes the result equals that of an uninterrupted run; a checkpoint with other
/// settings is an Error. On cancellation it writes a checkpoint and returns false. Beside OUTPUT it writes
/// OUTPUT.metrics.jsonl, and with a validation dataset OUTPUT with ".best" before its extension: the weights
/// whose validation loss is the least. Of several processes, all take the same steps, and the first one alone
/// writes files and reports.
class Trainer {
 public:
  Trainer(TrainingParts& parts, WeightStore& weights, const Optimizer& optimizer, Exchange& exchange);

  bool run(const TrainHooks& hooks);

 private:
  void make_room_for_output();
  void load_initial_weights(const Optimizer& optimizer);
  std::vector<TrainedTensor> choose_tensors();
  void validate(int64_t done, const TrainHooks& hooks);
  void report(TrainProgress& progress, int64_t done, const TrainHooks& hooks);
  /// Calls what writes a file. A RunError then also says from which step the same command continues.
  void writing(const std::function<void()>& write) const;
  void save_checkpoint(int64_t steps_done);
  /// The steps that are done. All processes begin with what the first one has.
  int64_t begin();
  int64_t resume();
  /// Gives the other processes what the first one has read from a checkpoint, or has begun with.
  int64_t share_state(int64_t steps_done);
  /// Writes the trained tensors and those of files.
  void save(const std::string& file, int64_t steps_done) const;
  /// The metadata of the output: what it was trained with, and the SHA-256 of the files it began from.
  std::map<std::string, std::string> provenance(int64_t steps_done) const;
  double scale_at(int64_t step) const;
  using Losses = std::vector<std::pair<std::string, at::Tensor>>;
  /// Sets the gradients of the trained tensors for that step, those of all processes. Returns the losses by
  /// name, on the device. `cancelled` becomes true if it is in any process.
  Losses differentiate(int64_t step, bool& cancelled);
  /// Adds up the gradients and losses of the micro-batches [begin, end) of a step.
  Losses differentiate_part(int64_t step, int64_t begin, int64_t end);

  TrainingParts& parts_;
  Exchange& exchange_;
  WeightStore& weights_;
  int64_t left_out_ = 0;  // tensors of files that don't fit
  WeightStore objective_weights_;
  Objectives objectives_;
  std::unique_ptr<TrainedTensors> trained_;
  std::optional<Validation> validation_;
  RunLog log_;
  std::optional<PartialFile> lock_;  // keeps other runs from the same output
  mutable std::string sources_;      // of the provenance, once it is known
  // Sums since the last report, by name.
  std::vector<std::pair<std::string, double>> losses_since_;
  int64_t steps_since_ = 0;
  int64_t checkpointed_ = 0;  // the step of the checkpoint; 0: there is none
};

}  // namespace flam
