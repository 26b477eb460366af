#include "framework/commands/evaluate/shots.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <set>
#include <unordered_map>

#include "framework/base/hash.h"
#include "framework/base/random.h"
#include "framework/base/text.h"

namespace flam {

namespace {

std::string identity_of(const PictureSource& source) {
  if (source.features.defined()) return features_key(source.features);
  if (source.picture) return content_key(*source.picture);
  if (source.bytes) return sha256(*source.bytes);
  std::error_code failed;
  const auto path = std::filesystem::weakly_canonical(source.path, failed);
  return failed ? source.path : path.string();
}

void require_reference(const Record& record) {
  if (record.references.empty())
    throw Error(cat("record ", quoted(record.request.id),
                    " of the dataset of the shots has no reference to show as its answer"));
}

}  // namespace

std::string picture_identity(const Request& request) {
  std::string out;
  for (const Part& part : request.parts) {
    if (part.pictures.empty()) continue;
    out.clear();
    for (const PictureSource& picture : part.pictures) out += identity_of(picture) + "\n";
  }
  return out;
}

Shots::Shots(const ShotsConfig& config, int64_t count, std::unique_ptr<Dataset> source,
             const Dataset& queries)
    : config_(config), count_(count), source_(std::move(source)) {
  const auto refuse = [&](int64_t left, const std::string& why) {
    if (left >= count_) return;
    throw Error(config_.source.where,
                cat(counted(count_, "shot"), " for each query, but the dataset of the shots has ",
                    counted(left, "record"), why));
  };
  refuse(source_->size(), "");
  const bool fixed = config_.selection == ShotsConfig::Selection::fixed;
  std::set<int64_t> of_any;
  if (config_.overlap != ShotsConfig::Overlap::allow) {
    find_overlap(queries);
    for (const auto& [query, records] : excluded_) {
      if (fixed) of_any.insert(records.begin(), records.end());
      refuse(source_->size() - std::ssize(records), cat(" that may stand before query ", query));
    }
  }
  if (!fixed) return;
  refuse(source_->size() - std::ssize(of_any), " that may stand before all queries");
  append(draw(Random(static_cast<uint64_t>(config_.seed)).next(), {of_any.begin(), of_any.end()}),
         fixed_.emplace(), fixed_ids_);
}

void Shots::find_overlap(const Dataset& queries) {
  const std::hash<std::string> hash;
  std::unordered_map<size_t, std::vector<int64_t>> records;  // by hash of id, and of picture
  for (int64_t i = 0; i < source_->size(); ++i) {
    const Record record = source_->at(i);
    require_reference(record);
    const Request& request = record.request;
    records[hash("id " + request.id)].push_back(i);
    if (const std::string picture = picture_identity(request); !picture.empty())
      records[hash(picture)].push_back(i);
  }
  int64_t overlapping = 0;
  std::string first;
  for (int64_t query = 0; query < queries.size(); ++query) {
    const Request request = queries.at(query).request;
    std::vector<int64_t> same;
    const auto add = [&](const std::string& key) {
      if (const auto found = records.find(hash(key)); found != records.end())
        same.insert(same.end(), found->second.begin(), found->second.end());
    };
    add("id " + request.id);
    if (const std::string picture = picture_identity(request); !picture.empty()) add(picture);
    if (same.empty()) continue;
    if (overlapping++ == 0) first = request.id;
    std::sort(same.begin(), same.end());
    same.erase(std::unique(same.begin(), same.end()), same.end());
    excluded_.emplace(query, std::move(same));
  }
  if (overlapping == 0 || config_.overlap == ShotsConfig::Overlap::exclude) return;
  throw Error(config_.source.where,
              cat(overlapping, " of the ", counted(queries.size(), "query record"),
                  overlapping == 1 ? " has" : " have",
                  " the id or the picture of a record that may be its shot"
                  ", the first: ",
                  quoted(first),
                  "; take the shots from other records, or set shots.overlap to exclude (such a record is "
                  "never a shot of that query) or allow"));
}

std::vector<int64_t> Shots::choose(int64_t query, const Request& request) const {
  const auto found = excluded_.find(query);
  if (index_) {
    auto nearest =
        index_->nearest(request, count_, found != excluded_.end() ? found->second : std::vector<int64_t>());
    std::reverse(nearest.begin(), nearest.end());  // the most similar one stands next to the query
    return nearest;
  }
  return draw(Random(static_cast<uint64_t>(config_.seed)).next() ^ static_cast<uint64_t>(query),
              found != excluded_.end() ? found->second : std::vector<int64_t>());
}

std::vector<int64_t> Shots::draw(uint64_t seed, const std::vector<int64_t>& excluded) const {
  Random random(seed);
  std::vector<int64_t> chosen;
  while (std::ssize(chosen) < count_) {
    const auto record = static_cast<int64_t>(random.below(static_cast<size_t>(source_->size())));
    if (!std::binary_search(excluded.begin(), excluded.end(), record) &&
        std::find(chosen.begin(), chosen.end(), record) == chosen.end())
      chosen.push_back(record);
  }
  return chosen;
}

void Shots::append(const std::vector<int64_t>& records, Request& request,
                   std::vector<std::string>& ids) const {
  for (const int64_t index : records) {
    Record record = source_->at(index);
    require_reference(record);
    std::move(record.request.parts.begin(), record.request.parts.end(), std::back_inserter(request.parts));
    request.parts.push_back({Part::Kind::text, record.references.front(), {}});
    ids.push_back(record.request.id);
  }
}

Request Shots::with_shots(int64_t query, const Request& request, std::vector<std::string>& ids) const {
  if (!request.messages.empty()) throw Error("shots can't be put before a conversation");
  Request out = request;
  out.parts.clear();
  if (fixed_) {
    out.parts = fixed_->parts;
    ids.insert(ids.end(), fixed_ids_.begin(), fixed_ids_.end());
  } else {
    append(choose(query, request), out, ids);
  }
  std::copy(request.parts.begin(), request.parts.end(), std::back_inserter(out.parts));
  return out;
}

}  // namespace flam
