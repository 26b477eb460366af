#include "framework/train/validation.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "framework/base/hash.h"
#include "framework/base/log.h"
#include "framework/base/text.h"
#include "framework/train/autocast.h"

namespace flam {

namespace {

/// The picture files of the first records of a dataset. Records without files have none.
std::set<std::string> pictures_of(const Dataset& dataset, int64_t most) {
  std::set<std::string> files;
  for (int64_t i = 0; i < std::min(dataset.size(), most); ++i) {
    bool has_file = false;
    for (const Part& part : dataset.at(i).request.parts) {
      for (const PictureSource& source : part.pictures) {
        has_file = has_file || !source.path.empty();
        if (!source.path.empty()) files.insert(source.path);
      }
    }
    if (i == 0 && !has_file) break;  // generated pictures and features
  }
  return files;
}

}  // namespace

Validation::Validation(const TrainingParts& parts, const Objectives& objectives, Exchange& exchange)
    : parts_(parts), objectives_(objectives.on(parts.validation)), exchange_(exchange) {
  require_same_classes();
  if (exchange.is_first()) warn_of_overlap();
}

void Validation::require_same_classes() const {
  const Dataset &trained = *parts_.tasks.front().dataset, &held_out = *parts_.validation.front().dataset;
  if (trained.patch_label_classes() != held_out.patch_label_classes() ||
      trained.media_label_classes() != held_out.media_label_classes()) {
    throw Error(
        parts_.config.validation.where,
        "`train.validation_dataset` has other numbers of classes than the dataset that is trained on; give "
        "both the same classes (image_folder: the same `classes` file)");
  }
  const std::vector<std::string> names = trained.class_names(), others = held_out.class_names();
  if (names.empty() || others.empty()) return;
  const auto [ours, theirs] = std::ranges::mismatch(names, others);
  if (ours == names.end()) return;
  throw Error(parts_.config.validation.where,
              cat("class ", ours - names.begin(), " of `train.validation_dataset` is ", quoted(*theirs),
                  ", but ", quoted(*ours),
                  " in the dataset that is trained on; give both the same classes in "
                  "the same order (image_folder: the same `classes` file)"));
}

// Files are compared by size first, so that few have to be read.
void Validation::warn_of_overlap() const {
  const auto held_out = pictures_of(*parts_.validation.front().dataset, parts_.config.validation_records);
  if (held_out.empty()) return;
  const auto trained = pictures_of(*parts_.tasks.front().dataset, kMostCompared);
  std::multimap<uintmax_t, std::string> by_size;
  std::error_code unreadable;
  for (const std::string& file : trained) by_size.emplace(std::filesystem::file_size(file, unreadable), file);
  int64_t both = 0;
  std::map<std::string, std::string> hashes;
  const auto hash_of = [&](const std::string& file) -> const std::string& {
    auto [entry, fresh] = hashes.try_emplace(file);
    if (fresh) entry->second = sha256_file(file);
    return entry->second;
  };
  for (const std::string& file : held_out) {
    const auto size = std::filesystem::file_size(file, unreadable);
    if (unreadable) continue;  // reading it says why
    const auto [first, last] = by_size.equal_range(size);
    both += std::any_of(first, last, [&](const auto& entry) {
      return entry.second == file || hash_of(entry.second) == hash_of(file);
    });
  }
  if (both > 0) {
    log_warn(cat(counted(both, "picture"), " of `train.validation_dataset`, of ", held_out.size(),
                 ", are also in the training data, so the validation loss looks better than it is"));
  }
}

bool Validation::is_due(int64_t steps_done) const {
  return steps_done % parts_.config.validate_every == 0 || steps_done == parts_.config.steps;
}

std::vector<std::pair<std::string, double>> Validation::losses() const {
  const at::NoGradGuard no_grad;
  const TrainConfig& config = parts_.config;
  const int64_t size = micro_batch_of(config);
  const int64_t pictures = std::min(config.validation_records, objectives_.pictures());
  const auto [begin, end] = exchange_.part_of((pictures + size - 1) / size);
  std::vector<std::pair<std::string, at::Tensor>> sums;
  // A process without a batch computes the first one, which counts nothing, so that it knows the names.
  for (int64_t batch = begin; batch < std::max(end, begin + 1); ++batch) {
    const int64_t first = batch < end ? batch * size : 0;
    const int64_t count = std::min(size, pictures - first);
    const Autocast autocast(config.bfloat16, parts_.model.device().type());
    StepLoss loss = objectives_.loss(0, first, count);
    loss.parts.emplace_back("total", loss.total);
    sums.resize(loss.parts.size());
    for (size_t i = 0; i < sums.size(); ++i) {
      const at::Tensor weighted = loss.parts[i].second * static_cast<double>(batch < end ? count : 0);
      sums[i] = {loss.parts[i].first, sums[i].second.defined() ? sums[i].second + weighted : weighted};
    }
  }
  const at::Tensor numbers = at::zeros({std::ssize(sums)}, at::kDouble);
  auto* number = numbers.mutable_data_ptr<double>();
  for (size_t i = 0; i < sums.size(); ++i) number[i] = sums[i].second.item().toDouble();
  exchange_.sum(numbers);
  std::vector<std::pair<std::string, double>> out;
  for (const auto& [name, sum] : sums) out.emplace_back(name, *number++ / static_cast<double>(pictures));
  return out;
}

bool Validation::take(double total) {
  if (!std::isfinite(total)) throw RunError("the validation loss is not finite; try a lower learning rate");
  const bool better = total < best;
  best = std::min(best, total);
  since_best = better ? 0 : since_best + 1;
  return better;
}

bool Validation::is_stuck() const {
  return parts_.config.patience > 0 && since_best >= parts_.config.patience;
}

}  // namespace flam
