#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "framework/base/partial_file.h"
#include "framework/commands/evaluate/predictions.h"

namespace flam {

struct PredictionLine {
  StoredPrediction prediction;
  Location where;
  int64_t offset = 0, length = 0;  // bytes, without the line's end
};

/// Reads a file of predictions line by line. If it is `appended` to, its last line may be incomplete and is
/// then left out. Returns the length of the complete lines. Error, with file and line: something that is not
/// a prediction. Error: the file can't be read.
int64_t each_prediction(const std::string& path, bool appended,
                        const std::function<void(PredictionLine)>& take);

/// The predictions of one pass over a dataset, which a run continues.
///
/// During the run, the predictions of each batch are appended to PATH.partial with one write. At the end,
/// PATH is written from both files in the order of the records, and PATH.partial is removed. So PATH is
/// always complete, and PATH.partial exists only if a run did not end. Only the places of the lines are in
/// memory, 32 bytes for a record.
///
/// Of several processes that share a run, rank 0 has PATH.partial, and rank N appends to PATH.partial.N,
/// which rank 0 takes into its own file at the end.
class PredictionFile {
 public:
  enum class State { missing, failed, answered };

  /// Opens the files, and reads which records have a prediction. With `overwrite`, their
  /// content is removed first. What processes of an earlier run have left is taken in. Error: as in
  /// each_prediction() and PartialFile.
  PredictionFile(const std::string& path, bool overwrite);
  /// The file of a process with a rank above 0, after rank 0 has opened its own. Error: as above.
  PredictionFile(const std::string& path, int64_t rank);
  ~PredictionFile();
  PredictionFile(const PredictionFile&) = delete;
  PredictionFile& operator=(const PredictionFile&) = delete;

  static std::string partial_path(const std::string& path) { return path + ".partial"; }

  /// The number of records up to the last one that has a prediction.
  int64_t size() const { return static_cast<int64_t>(places_.size()); }
  State state(int64_t index) const;
  /// The prediction of a record that has one, and where it is.
  StoredPrediction read(int64_t index) const;
  Location where(int64_t index) const;

  /// Appends the predictions of a batch. RunError: they can't be written.
  void append(const std::vector<StoredPrediction>& batch);
  /// Takes the predictions of all PATH.partial.N into PATH.partial, and removes those files.
  void take_in_others();
  /// Removes all PATH.partial.N.
  static void remove_others(const std::string& path);
  /// Puts PATH in place. RunError: it can't be written; PATH.partial stays.
  void commit();

 private:
  struct Place {
    int64_t offset = 0;
    int32_t length = 0, line = 0;
    int8_t file = 0;  // 0: PATH, 1: the own partial file, 2: that of rank 0
    State state = State::missing;
  };
  int64_t index(int8_t file, const std::string& path);
  void open_complete();
  void take_in(const std::string& other);
  const std::string& path_of(int8_t file) const;
  static Place place_of(const PredictionLine& found, int8_t file, int64_t shift, int32_t line);
  void set(int64_t index, const Place& place);
  std::string line(const Place& place) const;

  const std::string path_;
  const std::string first_;    // PATH.partial
  const bool synced_ = false;  // whether a batch is on the disk when append() returns
  std::optional<PartialFile> partial_;
  int complete_ = -1;  // descriptor of PATH; -1: there is none
  int of_first_ = -1;  // descriptor of PATH.partial, in other ranks
  int32_t lines_ = 0;  // of the own partial file
  std::vector<Place> places_;
};

}  // namespace flam
