#include "framework/recipe/shot_drawing.h"

#include <algorithm>
#include <iterator>

#include "framework/base/random.h"
#include "framework/base/text.h"

namespace flam {

namespace {

// The numbers of one query, which are unrelated to those of its neighbours.
Random random_of(int64_t seed, int64_t query) {
  return Random(Random(static_cast<uint64_t>(seed)).next() ^ static_cast<uint64_t>(query));
}

std::string written(const std::string& form, const std::string& answer) {
  static constexpr std::string_view kField = "{answer}";
  const size_t place = form.find(kField);
  return form.substr(0, place) + answer + form.substr(place + kField.size());
}

}  // namespace

void require_reference(const Record& shot) {
  if (shot.references.empty())
    throw Error(cat("record ", quoted(shot.request.id),
                    " of the dataset of the shots has no reference to show as its answer"));
}

ShotDrawing::ShotDrawing(const ShotsConfig& config, const Dataset& source)
    : config_(config), source_(source) {
  if (config.selection != ShotsConfig::Selection::same_kind) return;
  for (int64_t i = 0; i < source.size(); ++i) by_kind_[source.at(i).kind].push_back(i);
}

int64_t ShotDrawing::available(const std::string& kind) const {
  if (config_.selection != ShotsConfig::Selection::same_kind) return source_.size();
  const auto found = by_kind_.find(kind);
  return found == by_kind_.end() ? 0 : std::ssize(found->second);
}

std::vector<int64_t> ShotDrawing::draw(int64_t query, int64_t count, const std::string& kind,
                                       const Excluded& excluded) const {
  const auto found = by_kind_.find(kind);
  const std::vector<int64_t>* const records = found != by_kind_.end() ? &found->second : nullptr;
  const int64_t size = available(kind);
  Random random = random_of(config_.seed, query);
  std::vector<int64_t> drawn;
  // So many draws find every record of a small dataset, and miss one only if it is excluded.
  for (int64_t attempts = 0; std::ssize(drawn) < count; ++attempts) {
    if (size < count || attempts > 64 * (size + 1)) {
      throw Error(
          config_.source.where,
          cat(counted(count, "shot"), " for a query, but the dataset of the shots has too few records",
              records || size == 0 ? cat(" of the kind ", quoted(kind)) : "", " that may stand before it"));
    }
    const auto place = static_cast<int64_t>(random.below(static_cast<size_t>(size)));
    const int64_t record = records ? (*records)[static_cast<size_t>(place)] : place;
    if (std::find(drawn.begin(), drawn.end(), record) == drawn.end() && !excluded(record))
      drawn.push_back(record);
  }
  return drawn;
}

std::vector<std::string> ShotDrawing::put_before(const std::vector<int64_t>& shots, int64_t query,
                                                 Record& record) const {
  if (!record.request.messages.empty()) throw Error("shots can't be put before a conversation");
  const std::string& form = random_of(~config_.seed, query).pick(config_.answer_forms);
  for (std::string& reference : record.references) reference = written(form, reference);
  for (std::string& candidate : record.request.candidates) candidate = written(form, candidate);
  std::vector<std::string> ids;
  std::vector<Part> parts;
  for (const int64_t index : shots) {
    Record shot = source_.at(index);
    require_reference(shot);
    std::move(shot.request.parts.begin(), shot.request.parts.end(), std::back_inserter(parts));
    parts.push_back({Part::Kind::text, written(form, shot.references.front()), {}});
    ids.push_back(std::move(shot.request.id));
  }
  record.request.parts.insert(record.request.parts.begin(), std::make_move_iterator(parts.begin()),
                              std::make_move_iterator(parts.end()));
  return ids;
}

}  // namespace flam
