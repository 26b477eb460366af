#pragma once
// The file that --output names.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "framework/base/partial_file.h"
#include "framework/commands/infer/stored_answers.h"

namespace flam {

/// Writes one record for each request to a file of JSON lines or CSV, and continues a run that was
/// interrupted.
///
/// During the run, records are appended to PATH.partial, always as JSON lines, each with one write. However
/// the process ends, they stay there. At the end, PATH is written from them in the order of the requests, and
/// PATH.partial is removed. So PATH is always complete, and PATH.partial exists only if a run did not end.
///
/// A request is done if one of the two files has a record without an error for it. Records of requests that
/// were not made this time are kept, before all others, unless their id belongs to a request that differs
/// now.
class AnswerFile {
 public:
  /// Opens the files. With `overwrite`, their records are ignored; they are removed with the first write().
  /// Error: the suffix is neither .jsonl nor .csv, a file can't be written or has something other than
  /// records of one run, or another process is writing to it.
  AnswerFile(const std::string& path, bool overwrite);

  static std::string partial_path(const std::string& path) { return path + ".partial"; }

  /// Says which run the records belong to (run_key()). Error: the files have records of another run.
  void begin(const std::string& run);
  /// Finds the record of a request that is done; each request asks once.
  std::optional<StoredRecord> find(const Request& request);

  /// Takes the record of the next request, and adds its key. RunError: it can't be written.
  void write(const Request& request, nlohmann::ordered_json record);
  /// The next request is done already: keeps its record, and returns it.
  nlohmann::ordered_json keep(const Request& request, const StoredRecord& found);
  /// Puts the file in place. RunError: it can't be written; PATH.partial stays.
  void commit();

 private:
  void prepare();
  std::string line_of(const StoredRecord& record) const;

  const std::string path_;
  const AnswerFormat format_;
  const bool overwrite_;
  bool prepared_ = false;  // whether PATH.partial may be appended to
  StoredAnswers stored_;
  std::optional<PartialFile> partial_;
  size_t partial_file_ = 0;  // the index of PATH.partial in `stored_`
  int64_t complete_ = 0;     // length of the lines of PATH.partial that are continued
  std::string run_;
  std::vector<StoredRecord> order_;      // of all requests so far
  std::unordered_set<uint64_t> listed_;  // their ids
};

}  // namespace flam
