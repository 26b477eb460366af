#include "framework/commands/evaluate/shots.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <unordered_map>

#include "framework/base/hash.h"
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
    : config_(config), count_(count), source_(std::move(source)), drawing_(config, *source_) {
  const auto refuse = [&](int64_t left, const std::string& why) {
    if (left >= count_) return;
    throw Error(config_.source.where,
                cat(counted(count_, "shot"), " for each query, but the dataset of the shots has ",
                    counted(left, "record"), why));
  };
  refuse(source_->size(), "");
  if (config_.selection == ShotsConfig::Selection::same_kind) check_kinds(queries);
  std::set<int64_t> of_any;
  if (config_.overlap != ShotsConfig::Overlap::allow) {
    find_overlap(queries);
    for (const auto& [query, records] : excluded_) {
      of_any.insert(records.begin(), records.end());
      refuse(source_->size() - std::ssize(records), cat(" that may stand before query ", query));
    }
  }
  if (config_.selection != ShotsConfig::Selection::fixed || count_ == 0) return;
  refuse(source_->size() - std::ssize(of_any), " that may stand before all queries");
  fixed_ = drawing_.draw(0, count_, "", [&](int64_t shot) { return of_any.contains(shot); });
  if (config_.answer_forms.size() > 1) return;  // each query's examples have its own form
  Record examples;
  same_ids_ = drawing_.put_before(fixed_, 0, examples);
  same_ = std::move(examples.request);
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

void Shots::check_kinds(const Dataset& queries) const {
  for (int64_t query = 0; query < queries.size(); ++query) {
    const std::string kind = queries.at(query).kind;
    if (const int64_t left = drawing_.available(kind); left < count_) {
      throw Error(config_.source.where,
                  cat(counted(count_, "shot"), " for each query, but the dataset of the shots has ",
                      counted(left, "record"), " of the kind ", quoted(kind), ", as of query ", query));
    }
  }
}

std::vector<int64_t> Shots::choose(int64_t query, const Record& record) const {
  const auto found = excluded_.find(query);
  if (index_) {
    auto nearest = index_->nearest(record.request, count_,
                                   found != excluded_.end() ? found->second : std::vector<int64_t>());
    std::reverse(nearest.begin(), nearest.end());  // the most similar one stands next to the query
    return nearest;
  }
  if (!fixed_.empty()) return fixed_;
  return drawing_.draw(query, count_, record.kind, [&](int64_t shot) {
    return found != excluded_.end() && std::binary_search(found->second.begin(), found->second.end(), shot);
  });
}

Request Shots::with_shots(int64_t query, Record& record, std::vector<std::string>& ids) const {
  Record out = record;
  if (same_) {  // with the pictures that all queries share
    ids = same_ids_;
    drawing_.put_before({}, query, out);
    out.request.parts.insert(out.request.parts.begin(), same_->parts.begin(), same_->parts.end());
  } else {
    ids = drawing_.put_before(choose(query, record), query, out);
  }
  record.references = out.references;
  record.request.candidates = out.request.candidates;
  return std::move(out.request);
}

}  // namespace flam
