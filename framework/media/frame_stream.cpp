#include "framework/media/frame_stream.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>

#include "framework/base/text.h"
#include "framework/media/frame_sampling.h"

namespace flam {

namespace {

constexpr size_t kMostLine = 1000;
constexpr double kMostSeconds = 1e9;

/// Reads the numbers of a line. Returns false if there are others, or more or fewer.
template <class... Numbers>
bool read_numbers(std::string_view text, Numbers&... numbers) {
  std::istringstream in{std::string(text)};
  return (in >> ... >> numbers) && (in >> std::ws).eof();
}

bool is_time(double seconds) {
  return std::isfinite(seconds) && seconds >= 0 && seconds <= kMostSeconds;
}

}  // namespace

bool FrameStream::refuse(const std::string& problem) {
  problem_ = problem;
  return false;
}

bool FrameStream::take(std::string_view piece) {
  while (!piece.empty()) {
    if (missing_ > 0) {
      const size_t count = std::min(piece.size(), static_cast<size_t>(missing_));
      const at::Tensor& rgb = video_.frames.back().rgb;
      std::memcpy(rgb.mutable_data_ptr<uint8_t>() + rgb.numel() - missing_, piece.data(), count);
      missing_ -= static_cast<int64_t>(count);
      piece.remove_prefix(count);
      continue;
    }
    const size_t end = piece.find('\n');
    line_ += piece.substr(0, end);
    if (line_.size() > kMostLine) return refuse("a line that is too long");
    if (end == std::string_view::npos) return true;
    piece.remove_prefix(end + 1);
    if (!take_line()) return false;
    line_.clear();
  }
  return true;
}

bool FrameStream::take_line() {
  const std::string_view line = line_;
  const std::string_view word = line.substr(0, line.find(' '));
  const std::string_view rest = line.substr(std::min(line.size(), word.size() + 1));
  if (!greeted_) {
    greeted_ = line == "flam-frames 1";
    return greeted_ || refuse(cat("another version or program: ", quoted(line)));
  }
  if (complete_ || !error_.empty()) return refuse(cat("a line after the end: ", quoted(line)));
  if (word == "error" && !rest.empty()) {
    error_ = rest;
    return true;
  }
  if (word == "begin") {
    video_ = {};
    pixels_ = 0;
    if (read_numbers(rest, wanted_) && wanted_ >= 1 && wanted_ <= kMostFrames) return true;
  } else if (word == "frame" && std::ssize(video_.frames) < wanted_) {
    return take_frame(rest) || refuse(cat("an impossible frame: ", quoted(line)));
  } else if (word == "end" && std::ssize(video_.frames) == wanted_) {
    complete_ = read_numbers(rest, video_.total_frames, video_.duration) &&
                video_.total_frames > video_.numbers.back() && is_time(video_.duration) &&
                video_.duration >= video_.timestamps.back();
    if (complete_) return true;
  }
  return refuse(cat("an unexpected line: ", quoted(line)));
}

bool FrameStream::take_frame(std::string_view numbers) {
  int64_t number = 0, height = 0, width = 0;
  double seconds = 0;
  if (!read_numbers(numbers, number, seconds, height, width)) return false;
  const int64_t last_number = video_.numbers.empty() ? -1 : video_.numbers.back();
  const double last_time = video_.timestamps.empty() ? 0 : video_.timestamps.back();
  if (number <= last_number || !is_time(seconds) || seconds < last_time) return false;
  if (height < 1 || width < 1 || height > max_pixels_ || width > max_pixels_ / height) return false;
  pixels_ += height * width;
  if (pixels_ > max_all_pixels_) return false;
  missing_ = height * width * 3;
  video_.frames.push_back({at::empty({height, width, 3}, at::kByte)});
  video_.numbers.push_back(number);
  video_.timestamps.push_back(seconds);
  return true;
}

}  // namespace flam
