#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/commands/evaluate/picture_index.h"
#include "framework/component/dataset.h"
#include "framework/recipe/shot_drawing.h"

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
  /// Reads the ids and pictures of all records. Error: the dataset has too few records, of the query's kind
  /// if the selection asks for that, or a query is among them and the config does not allow it.
  Shots(const ShotsConfig& config, int64_t count, std::unique_ptr<Dataset> source, const Dataset& queries);

  /// Chooses by `index`, which is of source().
  void use(std::unique_ptr<PictureIndex> index) { index_ = std::move(index); }
  const Dataset& source() const { return *source_; }
  int64_t count() const { return count_; }
  /// The examples, without a query, if all queries have the same.
  const std::optional<Request>& same_for_all() const { return same_; }
  /// The record's request with its examples before it; their ids are added to `ids`. The record's references
  /// and candidates are written in the form that the config gives this query. Error: an example has no
  /// reference, or the query no picture to compare.
  Request with_shots(int64_t query, Record& record, std::vector<std::string>& ids) const;

 private:
  void find_overlap(const Dataset& queries);
  void check_kinds(const Dataset& queries) const;
  std::vector<int64_t> choose(int64_t query, const Record& record) const;

  const ShotsConfig config_;
  const int64_t count_;
  const std::unique_ptr<Dataset> source_;
  const ShotDrawing drawing_;
  std::unique_ptr<PictureIndex> index_;               // null: drawn
  std::map<int64_t, std::vector<int64_t>> excluded_;  // of a query: records that are not its examples
  std::vector<int64_t> fixed_;   // the examples of all queries, for the selection `fixed`
  std::optional<Request> same_;  // their parts, if they are the same for all queries
  std::vector<std::string> same_ids_;
};

}  // namespace flam
