#pragma once
// Which records stand before a query as its examples, and how their answers are written.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "framework/component/dataset.h"
#include "framework/recipe/shots_config.h"

namespace flam {

/// Draws the examples of queries. What is drawn depends only on the config's seed and on the query's number
/// and kind; a larger number of examples begins with those of a smaller one. Several threads may call
/// it.
class FLAM_API ShotDrawing {
 public:
  /// With selection `same_kind`, reads the kinds of all records. `source` must outlive this.
  ShotDrawing(const ShotsConfig& config, const Dataset& source);

  using Excluded = std::function<bool(int64_t record)>;
  /// The indices of `count` different records, without those that are excluded. Error: there are too few.
  std::vector<int64_t> draw(int64_t query, int64_t count, const std::string& kind,
                            const Excluded& excluded) const;
  /// How many records may stand before a query of that kind, if none is excluded.
  int64_t available(const std::string& kind) const;

  /// Puts records before the query, in order, each followed by its first reference. The answers of the
  /// examples, and the query's references and candidates, are written in one of the config's forms. Returns
  /// the examples' ids. Error: an example has no reference, or the query is a conversation.
  std::vector<std::string> put_before(const std::vector<int64_t>& shots, int64_t query, Record& record) const;

 private:
  ShotsConfig config_;
  const Dataset& source_;
  std::map<std::string, std::vector<int64_t>> by_kind_;  // for selection same_kind
};

/// Error: the record has no reference to show as its answer.
FLAM_API void require_reference(const Record& shot);

}  // namespace flam
