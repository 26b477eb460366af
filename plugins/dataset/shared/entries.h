#pragma once
// What the readers of annotation files have in common: their records are held in memory as entries, without
// their pictures.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "plugins/dataset/shared/source_file.h"

namespace flam {

/// A record as it is held in memory.
struct Entry {
  RecordId id;                        // unique in the dataset
  std::vector<std::string> pictures;  // names below the folder of pictures: one, or the frames of a video
  bool is_video = false;
  int64_t frames_of_file = 0;      // if `pictures` is the file of a video instead: how many frames are taken
  std::vector<double> timestamps;  // of a video's frames, seconds; empty: not known
  std::string question, kind;
  std::vector<std::string> references, candidates;
  RecordId image_id, question_id;  // facts; none if the files do not have them
  size_t offset = 0;               // in the file
};

/// Which records of the files are given, and in which order.
struct SelectionParams {
  bool skip_missing = false;
  bool shuffle = false;
  int64_t seed = 0;
  std::optional<int64_t> limit;

  void visit(ParamVisitor& v);
  /// The input takes precedence.
  std::optional<int64_t> limit_of(const Dataset::Input& input) const {
    return input.limit ? input.limit : limit;
  }
  /// Orders records of the order in the files.
  template <class T>
  void order(std::vector<T>& records, const Dataset::Input& input) const {
    if (!shuffle) return;
    Random random(static_cast<uint64_t>(input.seed.value_or(seed)));
    for (size_t left = records.size(); left > 1; --left)
      std::swap(records[left - 1], records[random.below(left)]);
  }
};

/// Parameters of the readers of annotation files.
struct EntryParams : SelectionParams {
  std::string images;

  void visit(ParamVisitor& v);
};

/// Error: an id occurs twice.
void refuse_duplicate_ids(const std::vector<Entry>& entries, const SourceFile& file);

/// Entries, as a dataset. A reader calls set_entries() once.
class EntryDataset : public Dataset {
 public:
  int64_t size() const override { return std::ssize(entries_) * records_per_picture_; }
  Record at(int64_t index) const override;
  int64_t skipped() const override { return skipped_; }

 protected:
  /// `folder` is that of the pictures, and `parameter` the one that names it. Error: it is not there.
  EntryDataset(const std::string& folder, const char* parameter);
  /// Takes the entries of a file. Error: there are none, an id occurs twice, or a picture is missing and must
  /// not be skipped.
  void set_entries(std::vector<Entry> entries, const SourceFile& file, const SelectionParams& params,
                   const Input& input);

 private:
  void select(const SourceFile& file, const SelectionParams& params, std::optional<int64_t> limit);

  std::vector<Entry> entries_;
  std::string folder_, parameter_;
  int64_t records_per_picture_ = 1, skipped_ = 0;
};

/// Fills a pattern of file names: {NAME} is replaced by the value of that name, and {NAME:012} by the value
/// with zeros in front up to 12 characters. Error: a name is unknown, or a brace has no partner.
std::string fill_pattern(const std::string& pattern,
                         const std::vector<std::pair<std::string, std::string>>& values);

/// Moves the most frequent text to the front, the first such if several are equally frequent, because
/// training and shots take the first reference of a record.
void put_most_frequent_first(std::vector<std::string>& texts);

/// A field for Record::kind: the field that the parameter names, or the format's own.
struct KindField {
  std::string field;
  bool required = false;  // because the user named it
};
KindField kind_field(const std::string& param, const char* of_format);
std::string kind_of(const FileRecord& record, const KindField& kind);

}  // namespace flam
