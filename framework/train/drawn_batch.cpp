#include "framework/train/drawn_batch.h"

#include <ATen/Parallel.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include "framework/base/text.h"
#include "framework/media/decode.h"
#include "framework/nn/training.h"

namespace flam {

namespace {

const PictureSource& the_picture(const Record& record) {
  const PictureSource* found = nullptr;
  for (const Part& part : record.request.parts) {
    if (part.kind == Part::Kind::text) continue;
    if (found || part.pictures.size() != 1) {
      throw Error(cat("record ", quoted(record.request.id),
                      ": training takes only records with one picture, without shots or videos"));
    }
    found = &part.pictures.front();
  }
  if (!found) throw Error(cat("record ", quoted(record.request.id), " has no picture to train on"));
  return *found;
}

bool same_picture(const PictureSource& a, const PictureSource& b) {
  if (a.path != b.path || a.features.defined() != b.features.defined()) return false;
  if (!a.features.defined() || a.features.is_set_to(b.features)) return true;
  return a.features.scalar_type() == b.features.scalar_type() && a.features.equal(b.features);
}

void require_picture_of(const Record& first, const Record& other) {
  if (first.request.id == other.request.id && same_picture(the_picture(first), the_picture(other))) return;
  throw Error(cat("records that should share a picture have different ones (", quoted(first.request.id),
                  " and ", quoted(other.request.id),
                  "); set train.records_per_picture to 1 for this dataset"));
}

/// [rows,T]: the pictures of each row's examples, which begin at `first`, and then picture row / per_picture.
at::Tensor shown_in_rows(const std::vector<std::vector<at::Tensor>>& of_shots, int64_t first,
                         int64_t per_picture) {
  size_t most = 0;
  for (const auto& row : of_shots) most = std::max(most, row.size());
  const at::Tensor shown = at::zeros({std::ssize(of_shots), static_cast<int64_t>(most) + 1}, at::kLong);
  auto* at = shown.mutable_data_ptr<int64_t>();
  for (size_t row = 0; row < of_shots.size(); ++row, at += most + 1) {
    for (size_t i = 0; i < of_shots[row].size(); ++i) at[i] = first++;
    at[of_shots[row].size()] = static_cast<int64_t>(row) / per_picture;
  }
  return shown;
}

}  // namespace

BatchSource::BatchSource(const TrainingParts& parts, const std::vector<TrainedTask>& tasks,
                         bool with_pictures)
    : parts_(&parts), tasks_(&tasks), with_pictures_(with_pictures) {
  for (const TrainedTask& task : tasks) {
    pictures_.push_back(task.dataset->size() / task.records_per_picture);
    if (pictures_.back() == 0) {
      throw Error(cat("the dataset has ", task.dataset->size(),
                      " records, fewer than train.records_per_picture, ", task.records_per_picture));
    }
  }
  if (!with_pictures) return;
  // The records of all tasks share a picture, so all tasks start again at the same picture.
  pictures_.assign(pictures_.size(), *std::min_element(pictures_.begin(), pictures_.end()));
  from_features_ = the_picture(tasks.front().dataset->at(0)).features.defined();
}

at::Tensor BatchSource::input_of(const PictureSource& source, const std::string& id, Random* random) const {
  const auto fail = [&](const std::string& what) { throw Error(cat("record ", quoted(id), ": ", what)); };
  if (source.features.defined() != from_features_) {
    fail(from_features_ ? "it has a picture, but the dataset's first record has features; give one kind"
                        : "it has features, but the dataset's first record has a picture; give one kind");
  }
  if (!from_features_) {
    const Picture picture = load_picture(source, parts_->pictures);
    const MediaLayout& layout = parts_->model.media_layout();
    if (!random) return parts_->transforms.apply(picture, layout, /*may_split=*/true)[0];
    return (parts_->augmentations ? *parts_->augmentations : parts_->transforms)
        .augment(picture, layout, *random)[0];
  }
  try {
    parts_->model.check_features(source.features);
  } catch (const Error& error) {
    fail(error.what());
  }
  return source.features;
}

std::vector<at::Tensor> BatchSource::add_shots(const TrainedTask& task, int64_t query, Record& record,
                                               Random* augment) const {
  const ShotSource& shots = *task.shots;
  const auto& range = parts_->config.num_shots;
  // Mixed once more than the seed of the drawing of examples, which may be the same number.
  const uint64_t seed = Random(Random(static_cast<uint64_t>(parts_->config.seed)).next()).next();
  Random drawing(static_cast<uint64_t>(query) ^ seed);
  const int64_t count = range[0] + static_cast<int64_t>(drawing.below(range[1] - range[0] + 1));
  const auto is_the_query = [&](int64_t shot) {
    return shots.dataset->at(shot).request.id == record.request.id;
  };
  const auto drawn = shots.drawing.draw(query, count, record.kind, is_the_query);
  const size_t parts = record.request.parts.size();
  shots.drawing.put_before(drawn, query, record);
  std::vector<at::Tensor> inputs;
  for (size_t i = 0; i + parts < record.request.parts.size(); ++i) {
    const Part& part = record.request.parts[i];
    if (part.kind == Part::Kind::text) continue;
    if (part.pictures.size() != 1)
      throw Error(cat("an example of record ", quoted(record.request.id),
                      " has a video, but training takes only pictures; take examples with one picture each"));
    if (with_pictures_) inputs.push_back(input_of(part.pictures.front(), record.request.id, augment));
  }
  if (with_pictures_ && std::ssize(inputs) != count)
    throw Error(cat("an example of record ", quoted(record.request.id),
                    " does not have exactly one picture; take examples with one picture each"));
  return inputs;
}

DrawnBatch BatchSource::draw(int64_t step, int64_t first, int64_t count, size_t tasks) const {
  first += step * parts_->config.batch_size;
  DrawnBatch out;
  std::vector<std::vector<std::vector<at::Tensor>>> of_shots(tasks);  // task, row, example
  for (size_t t = 0; t < tasks; ++t) {
    const auto rows = static_cast<size_t>(count * (*tasks_)[t].records_per_picture);
    out.records.emplace_back(rows);
    of_shots[t].resize(rows);
  }
  std::vector<at::Tensor> inputs(count);
  const bool training = Training::is_on();  // of this thread, not of those that load the pictures
  const uint64_t seed = Random(static_cast<uint64_t>(parts_->config.seed)).next();
  const auto draw_picture = [&](int64_t picture) {
    Record head;
    Random random(seed + static_cast<uint64_t>(first + picture));
    Random* const augment = training ? &random : nullptr;
    for (size_t t = 0; t < tasks; ++t) {
      const TrainedTask& task = (*tasks_)[t];
      for (int64_t r = 0; r < task.records_per_picture; ++r) {
        const int64_t index = (first + picture) % pictures_[t] * task.records_per_picture + r;
        const int64_t row = picture * task.records_per_picture + r;
        Record& record = out.records[t][row] = task.dataset->at(index);
        if (t == 0 && r == 0) {
          head = record;
          if (with_pictures_) inputs[picture] = input_of(the_picture(record), record.request.id, augment);
        }
        if (with_pictures_) require_picture_of(head, record);
        if (task.shots)
          of_shots[t][row] =
              add_shots(task, (first + picture) * task.records_per_picture + r, record, augment);
      }
    }
  };
  at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t picture = begin; picture < end; ++picture) draw_picture(picture);
  });
  if (!with_pictures_) return out;
  for (size_t t = 0; t < tasks; ++t) {
    const TrainedTask& task = (*tasks_)[t];
    out.shown.push_back(task.shots ? shown_in_rows(of_shots[t], std::ssize(inputs), task.records_per_picture)
                                   : at::Tensor());
    for (auto& row : of_shots[t]) inputs.insert(inputs.end(), row.begin(), row.end());
  }
  out.pictures = at::stack(inputs);
  return out;
}

}  // namespace flam
