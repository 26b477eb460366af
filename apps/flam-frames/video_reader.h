#pragma once
// Reads frames of a video file with OpenCV's FFmpeg.

#include <cstdint>
#include <functional>
#include <opencv2/core/mat.hpp>
#include <opencv2/videoio.hpp>
#include <optional>
#include <string>
#include <vector>

namespace flam::frames {

struct Limits {
  double seconds = 6 * 3600;           // length of the video
  int64_t pixels = 8192 * 4320;        // of a frame
  int64_t all_pixels = 1'000'000'000;  // of all frames that are taken
};

/// What is known of a video before anything is decoded.
struct VideoFacts {
  int64_t frames = 0;         // packets of the video track
  std::vector<int64_t> keys;  // which of them hold a key frame
  double fps = 0;             // on average, as the container says
  double duration = 0;        // seconds
  int64_t pixels = 0;         // of a frame
};

/// Lets FFmpeg open local files of the known containers only. Call it before any other function.
void restrict_ffmpeg();

/// Reads all packets of the file, and decodes none. std::runtime_error: it can't be read, or exceeds a limit;
/// the message follows the name of the file.
VideoFacts examine(const std::string& path, const Limits& limits);

/// Reads single frames in ascending order. A frame far ahead is sought if the times of the frames show that
/// its number is certain; otherwise, everything before it is decoded.
class VideoReader {
 public:
  VideoReader(const std::string& path, const VideoFacts& facts, bool may_seek);

  enum class Found { yes, end, uncertain };  // uncertain: read again without seeking
  /// Goes to the frame of this number, counted from 0. `end`: the file has only passed() frames.
  Found go_to(int64_t number);
  int64_t passed() const { return next_; }
  /// Pixels of the frame, BGR, upright.
  cv::Mat pixels();
  /// Seconds since the first frame, if the file says it.
  std::optional<double> time() const;

 private:
  bool seek(int64_t number);
  /// Grabs a frame, and returns its number according to its time. nullopt: the video has ended, or the frame
  /// is not where it would be, after the frame `before`, if all distances were equal.
  std::optional<int64_t> grab_number(std::optional<int64_t> before);
  /// Whether the last frame has the number that it should have if all distances are equal.
  bool ends_as_expected();

  VideoFacts facts_;
  bool may_seek_;
  std::optional<bool> is_regular_;  // result of ends_as_expected()
  int64_t next_ = 0;                // number of the frame after the current one
  int clockwise_ = 0;               // by how many degrees each frame is turned
  cv::VideoCapture capture_;
};

}  // namespace flam::frames
