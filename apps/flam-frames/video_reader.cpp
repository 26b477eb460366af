#include "apps/flam-frames/video_reader.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <opencv2/core.hpp>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace flam::frames {

namespace {

// Up to so many frames, decoding them all takes about as long as seeking, which begins at a key frame.
constexpr int64_t kSeekFrom = 250;
// Frames between the end of a seek and the one that is wanted. Their times are checked.
constexpr int64_t kBeforeTarget = 2, kBeforeEnd = 32;
constexpr double kMostDeviation = 0.3;  // of a frame's time, as a part of the distance of frames
constexpr int64_t kMostPackets = 10'000'000;
constexpr double kUnknownFps = 25;
constexpr const char* kUnreadable =
    "can't be read as a video: it is damaged, has no video track, or has one of an unknown codec";

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  throw std::runtime_error(text.str());
}

bool open(cv::VideoCapture& capture, const std::string& path, bool raw) {
  std::vector<int> options = {cv::CAP_PROP_HW_ACCELERATION, cv::VIDEO_ACCELERATION_NONE};
  if (raw) options.insert(options.end(), {cv::CAP_PROP_FORMAT, -1});
  return capture.open(path, cv::CAP_FFMPEG, options);
}

}  // namespace

void restrict_ffmpeg() {
  setenv("OPENCV_FFMPEG_CAPTURE_OPTIONS",
         "protocol_whitelist;file|format_whitelist;mov,mp4,matroska,webm,avi,mpegts,mpeg,ogg,flv,gif", 1);
  setenv("OPENCV_FFMPEG_THREADS",
         std::to_string(std::clamp(std::thread::hardware_concurrency(), 1U, 4U)).c_str(), 1);
  setenv("OPENCV_FFMPEG_READ_ATTEMPTS", "1000000", 1);  // packets of other tracks between two of the video's
  setenv("OPENCV_LOG_LEVEL", "SILENT", 1);
}

VideoFacts examine(const std::string& path, const Limits& limits) {
  VideoFacts facts;
  cv::VideoCapture capture;
  if (!open(capture, path, /*raw=*/true)) fail(kUnreadable);
  facts.fps = capture.get(cv::CAP_PROP_FPS);
  if (!(facts.fps >= 1e-3 && facts.fps <= 1e5)) facts.fps = kUnknownFps;
  const double width = capture.get(cv::CAP_PROP_FRAME_WIDTH), height = capture.get(cv::CAP_PROP_FRAME_HEIGHT);
  if (width * height > static_cast<double>(limits.pixels)) {
    fail("has frames of ", width, " × ", height, " pixels; at most ", limits.pixels,
         " pixels are taken; make it smaller");
  }
  facts.pixels = static_cast<int64_t>(width * height);
  while (capture.grab()) {
    if (capture.get(cv::CAP_PROP_LRF_HAS_KEY_FRAME) != 0) facts.keys.push_back(facts.frames);
    if (++facts.frames > kMostPackets) fail("has more than ", kMostPackets, " frames; cut it");
  }
  if (facts.frames == 0) fail("has no frames");
  const double stated = capture.get(cv::CAP_PROP_FRAME_COUNT);
  const bool guessed = std::abs(stated - static_cast<double>(facts.frames)) > 1;  // from the duration
  facts.duration = (guessed && stated > 0 ? stated : static_cast<double>(facts.frames)) / facts.fps;
  if (facts.duration > limits.seconds) {
    fail("lasts ", std::llround(facts.duration), " seconds; at most ", std::llround(limits.seconds),
         " are taken; cut it");
  }
  return facts;
}

VideoReader::VideoReader(const std::string& path, const VideoFacts& facts, bool may_seek)
    : facts_(facts), may_seek_(may_seek) {
  if (!open(capture_, path, /*raw=*/false)) fail(kUnreadable);
  capture_.set(cv::CAP_PROP_ORIENTATION_AUTO, 0);
  const int angle = static_cast<int>(capture_.get(cv::CAP_PROP_ORIENTATION_META));
  // OpenCV 4.6 gives angles in the opposite direction (its issue 22088).
  const bool opposite = cv::getVersionMajor() == 4 && cv::getVersionMinor() == 6;
  clockwise_ = ((opposite ? -angle : angle) % 360 + 360) % 360;
}

std::optional<int64_t> VideoReader::grab_number(std::optional<int64_t> before) {
  if (!capture_.grab()) return std::nullopt;
  const double milliseconds = capture_.get(cv::CAP_PROP_POS_MSEC);
  // OpenCV 4.6 does not know the times of the last frames, which the decoder gives when the file has ended.
  if (milliseconds == 0 && before) return *before + 1;
  const double number = milliseconds / 1000 * facts_.fps;
  const bool fits = std::abs(number) < 1e12 && std::abs(number - std::round(number)) < kMostDeviation;
  if (!fits || (before && std::llround(number) != *before + 1)) return std::nullopt;
  return std::llround(number);
}

bool VideoReader::ends_as_expected() {
  capture_.set(cv::CAP_PROP_POS_FRAMES, static_cast<double>(facts_.frames - kBeforeEnd));
  std::optional<int64_t> last;
  while (const std::optional<int64_t> here = grab_number(last)) last = here;
  return last == facts_.frames - 1;
}

bool VideoReader::seek(int64_t number) {
  if (!is_regular_) is_regular_ = ends_as_expected();
  if (!*is_regular_) return false;
  capture_.set(cv::CAP_PROP_POS_FRAMES, static_cast<double>(number - kBeforeTarget));
  std::optional<int64_t> here;
  while ((here = grab_number(here)) && *here < number) {
  }
  if (here != number) return false;
  next_ = number + 1;
  return true;
}

VideoReader::Found VideoReader::go_to(int64_t number) {
  if (may_seek_ && number - next_ >= kSeekFrom) return seek(number) ? Found::yes : Found::uncertain;
  for (; next_ <= number; ++next_) {
    if (!capture_.grab()) return Found::end;
  }
  return Found::yes;
}

cv::Mat VideoReader::pixels() {
  cv::Mat frame;
  if (!capture_.retrieve(frame) || frame.type() != CV_8UC3)
    fail("has a frame ", next_ - 1, " that can't be turned into pixels");
  if (clockwise_ == 0) return frame;
  cv::Mat upright;
  if (clockwise_ == 90) cv::rotate(frame, upright, cv::ROTATE_90_CLOCKWISE);
  if (clockwise_ == 180) cv::rotate(frame, upright, cv::ROTATE_180);
  if (clockwise_ == 270) cv::rotate(frame, upright, cv::ROTATE_90_COUNTERCLOCKWISE);
  return upright.empty() ? frame : upright;
}

std::optional<double> VideoReader::time() const {
  const double seconds = capture_.get(cv::CAP_PROP_POS_MSEC) / 1000;
  if (next_ == 1) return 0;
  if (!(seconds > 0 && seconds < 1e9)) return std::nullopt;
  return std::round(seconds * 1e6) / 1e6;
}

}  // namespace flam::frames
