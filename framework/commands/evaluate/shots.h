#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/commands/evaluate/picture_index.h"
#include "framework/component/dataset.h"
#include "framework/recipe/shots_config.h"

namespace flam {

/// Equal for equal pictures: path, bytes, pixels or features. "" for a request without pictures; otherwise of
/// its last part that has any.
std::string picture_identity(const Request& request);

/// Examples from a dataset that are put before queries. Which ones depends only on the seed, the query's
/// index and the number of examples. As in open-flamingo, each query gets its own (eval/evaluate.py,
/// sample_batch_demos_from_query_set). With an index, they are those with the most similar pictures instead,
/// and with the selection `fixed`, all queries have the same.
class FLAM_API Shots {
 public:
  /// Reads the ids and pictures of all records. Error: the dataset has too few records, or a query is among
  /// them and the config does not allow it.
  Shots(const ShotsConfig& config, int64_t count, std::unique_ptr<Dataset> source, const Dataset& queries);

  /// Chooses by `index`, which is of source().
  void use(std::unique_ptr<PictureIndex> index) { index_ = std::move(index); }
  const Dataset& source() const { return *source_; }
  int64_t count() const { return count_; }
  /// The examples, without a query, if all queries have the same.
  const std::optional<Request>& same_for_all() const { return fixed_; }
  /// The request with its examples before it; their ids are added to `ids`. Error: an example has no
  /// reference, or the query no picture to compare.
  Request with_shots(int64_t query, const Request& request, std::vector<std::string>& ids) const;

 private:
  void find_overlap(const Dataset& queries);
  std::vector<int64_t> draw(uint64_t seed, const std::vector<int64_t>& excluded) const;
  void append(const std::vector<int64_t>& records, Request& request, std::vector<std::string>& ids) const;
  std::vector<int64_t> choose(int64_t query, const Request& request) const;

  const ShotsConfig config_;
  const int64_t count_;
  const std::unique_ptr<Dataset> source_;
  std::unique_ptr<PictureIndex> index_;               // null: random
  std::map<int64_t, std::vector<int64_t>> excluded_;  // of a query: records that are not its examples
  std::optional<Request> fixed_;  // the examples of all queries; their pictures are shared by all
  std::vector<std::string> fixed_ids_;
};

}  // namespace flam
