#include "framework/commands/evaluate/prediction_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/base/list_folder.h"
#include "framework/base/text.h"
#include "framework/report/json.h"

namespace flam {

namespace {

constexpr size_t kMaxLine = size_t{16} << 20;
constexpr int64_t kMostRecords = int64_t{1} << 26;

Location in(const std::string& path, int line) {
  return {std::make_shared<const std::string>(printable(path, 4096)), line, 0};
}

std::string other_path(const std::string& path, int64_t rank) {
  return cat(PredictionFile::partial_path(path), ".", rank);
}

/// The existing files PATH.partial.N.
std::vector<std::string> others(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  const std::string beginning = std::filesystem::path(other_path(path, 0)).filename().string();
  std::error_code failed;
  std::vector<std::string> out;
  for (const auto& found : list_folder(folder.empty() ? "." : folder, failed)) {
    const std::string name = found.filename().string();
    const size_t number = beginning.size() - 1;
    if (name.compare(0, number, beginning, 0, number) == 0 && name.size() > number &&
        name.find_first_not_of("0123456789", number) == std::string::npos)
      out.push_back(found.string());
  }
  if (failed) throw Error(cat("cannot read the folder ", quoted(folder.string()), ": ", failed.message()));
  std::sort(out.begin(), out.end());
  return out;
}

/// Whether the last byte of a file is the end of a line.
bool ends_a_line(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (file.tellg() == std::streampos(0)) return false;
  file.seekg(-1, std::ios::end);
  return file.get() == '\n';
}

}  // namespace

int64_t each_prediction(const std::string& path, bool appended,
                        const std::function<void(PredictionLine)>& take) {
  if (std::filesystem::is_directory(path))
    throw Error(cat("cannot read ", quoted(path), ": it is a folder, not a file"));
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(cat("cannot read ", quoted(path), ": ", std::strerror(errno)));
  Location where = in(path, 0);
  int64_t offset = 0;
  size_t length = 0;
  for (std::string line; read_line(file, line, length, kMaxLine);) {
    ++where.line;
    // Only the end of the file can be reached before the end of a line.
    if (appended && file.rdbuf()->sgetc() == std::char_traits<char>::eof() && !ends_a_line(path)) break;
    if (length > kMaxLine) throw Error(where, cat("a line of ", length, " bytes is not a prediction"));
    const auto bytes = static_cast<int64_t>(length);
    take({parse_prediction(line, where), where, offset, bytes});
    offset += bytes + 1;
  }
  return offset;
}

PredictionFile::PredictionFile(const std::string& path, bool overwrite)
    : path_(path), first_(partial_path(path)) {
  const AtomicFile can_be_written(path_);
  partial_.emplace(first_);
  if (overwrite) {
    std::filesystem::remove(path_);
    remove_others(path_);
    partial_->truncate(0);
    return;
  }
  open_complete();
  const int64_t whole = index(1, partial_->path());
  if (whole < partial_->size()) partial_->truncate(whole);
  take_in_others();
}

PredictionFile::PredictionFile(const std::string& path, int64_t rank)
    : path_(path), first_(partial_path(path)), synced_(true) {
  partial_.emplace(other_path(path_, rank));
  open_complete();
  of_first_ = ::open(first_.c_str(), O_RDONLY | O_CLOEXEC);
  if (of_first_ >= 0) index(2, first_);
  const int64_t whole = index(1, partial_->path());
  if (whole < partial_->size()) partial_->truncate(whole);
}

PredictionFile::~PredictionFile() {
  if (complete_ >= 0) ::close(complete_);
  if (of_first_ >= 0) ::close(of_first_);
}

void PredictionFile::open_complete() {
  if (!std::filesystem::exists(path_)) return;
  complete_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (complete_ < 0) throw Error(cat("cannot read ", quoted(path_), ": ", std::strerror(errno)));
  index(0, path_);
}

void PredictionFile::take_in_others() {
  for (const std::string& other : others(path_)) {
    try {
      take_in(other);
    } catch (const Error&) {
      // Its process removes it at its end if it is empty.
      if (std::filesystem::exists(other)) throw;
    }
    std::error_code ignored;
    std::filesystem::remove(other, ignored);
  }
}

void PredictionFile::take_in(const std::string& other) {
  const int64_t shift = partial_->size();
  int32_t lines = 0;
  const int64_t whole = each_prediction(other, true, [&](const PredictionLine& found) {
    lines = found.where.line;
    set(found.prediction.index, place_of(found, 1, shift, lines_ + lines));
  });
  if (whole == 0) return;
  const auto bytes = MappedFile::open(other);
  partial_->append(bytes->bytes().substr(0, static_cast<size_t>(whole)));
  lines_ += lines;
}

void PredictionFile::remove_others(const std::string& path) {
  std::error_code ignored;
  for (const std::string& other : others(path)) std::filesystem::remove(other, ignored);
}

int64_t PredictionFile::index(int8_t file, const std::string& path) {
  return each_prediction(path, file != 0, [&](const PredictionLine& found) {
    set(found.prediction.index, place_of(found, file, 0, found.where.line));
    if (file == 1) lines_ = found.where.line;
  });
}

PredictionFile::Place PredictionFile::place_of(const PredictionLine& found, int8_t file, int64_t shift,
                                               int32_t line) {
  if (found.prediction.index >= kMostRecords)
    throw Error(found.where, cat("the index ", found.prediction.index, " is too large"));
  return {shift + found.offset, static_cast<int32_t>(found.length), line, file,
          found.prediction.error ? State::failed : State::answered};
}

const std::string& PredictionFile::path_of(int8_t file) const {
  if (file == 2) return first_;
  return file == 0 ? path_ : partial_->path();
}

void PredictionFile::set(int64_t index, const Place& place) {
  const auto at = static_cast<size_t>(index);
  if (at >= places_.size()) places_.resize(at + 1);
  places_[at] = place;
}

PredictionFile::State PredictionFile::state(int64_t index) const {
  return index < size() ? places_[static_cast<size_t>(index)].state : State::missing;
}

Location PredictionFile::where(int64_t index) const {
  const Place& place = places_.at(static_cast<size_t>(index));
  return in(path_of(place.file), place.line);
}

std::string PredictionFile::line(const Place& place) const {
  const int descriptors[] = {complete_, partial_->descriptor(), of_first_};
  const int descriptor = descriptors[place.file];
  std::string bytes(static_cast<size_t>(place.length), '\0');
  for (size_t filled = 0; filled < bytes.size();) {
    const ssize_t got = ::pread(descriptor, bytes.data() + filled, bytes.size() - filled,
                                place.offset + static_cast<int64_t>(filled));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      throw RunError(cat("cannot read ", quoted(path_of(place.file)), ": ",
                         got < 0 ? std::strerror(errno) : "it has become shorter during the run"));
    }
    filled += static_cast<size_t>(got);
  }
  return bytes;
}

StoredPrediction PredictionFile::read(int64_t index) const {
  return parse_prediction(line(places_.at(static_cast<size_t>(index))), where(index));
}

void PredictionFile::append(const std::vector<StoredPrediction>& batch) {
  if (batch.empty()) return;
  std::string bytes;
  std::vector<Place> places;
  for (const StoredPrediction& prediction : batch) {
    const std::string line = json_line(prediction_json(prediction)) + "\n";
    places.push_back({partial_->size() + static_cast<int64_t>(bytes.size()),
                      static_cast<int32_t>(line.size() - 1), ++lines_, 1,
                      prediction.error ? State::failed : State::answered});
    bytes += line;
  }
  partial_->append(bytes);
  if (synced_) partial_->sync();
  for (size_t i = 0; i < batch.size(); ++i) set(batch[i].index, places[i]);
}

void PredictionFile::commit() {
  try {
    AtomicFile file(path_);
    for (const Place& place : places_)
      if (place.state != State::missing) file.write(line(place) + "\n");
    file.commit();
  } catch (const RunError& error) {
    throw RunError(cat(error.what(), "; the answers are in ", quoted(partial_->path()),
                       ", and the same command continues from them"));
  }
  partial_->remove();
}

}  // namespace flam
