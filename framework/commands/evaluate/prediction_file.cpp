#include "framework/commands/evaluate/prediction_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/report/json.h"

namespace flam {

namespace {

constexpr size_t kMaxLine = size_t{16} << 20;
constexpr int64_t kMostRecords = int64_t{1} << 26;

Location in(const std::string& path, int line) {
  return {std::make_shared<const std::string>(printable(path, 4096)), line, 0};
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

PredictionFile::PredictionFile(const std::string& path, bool overwrite) : path_(path) {
  const AtomicFile can_be_written(path_);
  partial_.emplace(partial_path(path_));
  if (overwrite) {
    std::filesystem::remove(path_);
    partial_->truncate(0);
    return;
  }
  if (std::filesystem::exists(path_)) {
    complete_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (complete_ < 0) throw Error(cat("cannot read ", quoted(path_), ": ", std::strerror(errno)));
    index(0, path_);
  }
  const int64_t whole = index(1, partial_->path());
  if (whole < partial_->size()) partial_->truncate(whole);
}

PredictionFile::~PredictionFile() {
  if (complete_ >= 0) ::close(complete_);
}

int64_t PredictionFile::index(int8_t file, const std::string& path) {
  return each_prediction(path, file == 1, [&](const PredictionLine& found) {
    if (found.prediction.index >= kMostRecords)
      throw Error(found.where, cat("the index ", found.prediction.index, " is too large"));
    set(found.prediction.index, {found.offset, static_cast<int32_t>(found.length), found.where.line, file,
                                 found.prediction.error ? State::failed : State::answered});
    if (file == 1) lines_ = found.where.line;
  });
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
  return in(place.file == 0 ? path_ : partial_->path(), place.line);
}

std::string PredictionFile::line(const Place& place) const {
  const int descriptor = place.file == 0 ? complete_ : partial_->descriptor();
  std::string bytes(static_cast<size_t>(place.length), '\0');
  for (size_t filled = 0; filled < bytes.size();) {
    const ssize_t got = ::pread(descriptor, bytes.data() + filled, bytes.size() - filled,
                                place.offset + static_cast<int64_t>(filled));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      throw RunError(cat("cannot read ", quoted(place.file == 0 ? path_ : partial_->path()), ": ",
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
