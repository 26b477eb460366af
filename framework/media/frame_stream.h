#pragma once
// What flam-frames writes to its standard output, version 1: lines of text, and pixels.
//
//   flam-frames 1
//   begin COUNT                       so many frames follow; a second `begin` starts again
//   frame NUMBER SECONDS HEIGHT WIDTH   and, after the end of this line, HEIGHT·WIDTH·3 bytes: RGB, row by
//   row end TOTAL SECONDS                 number of frames and length of the whole video
//
// NUMBER counts the frames of the video from 0. `error MESSAGE` may stand in place of any line but the first.

#include <string>
#include <string_view>

#include "framework/media/video.h"

namespace flam {

/// Reads such a stream piece by piece. What it says is checked, because a video may have taken over the
/// program that writes it.
class FrameStream {
 public:
  FrameStream(int64_t max_pixels, int64_t max_all_pixels)
      : max_pixels_(max_pixels), max_all_pixels_(max_all_pixels) {}

  /// Returns false if the stream is not as described above; problem() says why.
  bool take(std::string_view piece);
  bool is_complete() const { return complete_; }
  const std::string& error() const { return error_; }  // the MESSAGE, or ""
  const std::string& problem() const { return problem_; }
  DecodedVideo& video() { return video_; }

 private:
  bool take_line();
  bool take_frame(std::string_view numbers);
  bool refuse(const std::string& problem);

  const int64_t max_pixels_, max_all_pixels_;
  std::string line_, error_, problem_;
  DecodedVideo video_;
  int64_t wanted_ = -1;  // frames; −1: before the first `begin`
  int64_t pixels_ = 0;   // of all frames since `begin`
  int64_t missing_ = 0;  // bytes of the last frame that are still to come
  bool greeted_ = false, complete_ = false;
};

}  // namespace flam
