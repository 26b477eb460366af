#pragma once
// The text of a video in a prompt: what is written around its frames.

#include "framework/sdk.h"

namespace flam {

struct VideoParams {
  std::string intro, frame, outro;
  std::optional<int64_t> longest_edge, max_frames;
  std::optional<double> fps;

  /// Whether frames are written one by one.
  bool is_set() const { return !intro.empty() || !frame.empty() || !outro.empty(); }
  void visit(ParamVisitor& v);
};

/// The intro, for each frame the text before it and `crop`, and the outro. Error: a time is to be written,
/// but the video has none.
std::string video_text(const VideoParams& params, const Part& video, const std::string& crop);

/// 0 or more in English words, as the Python package num2words writes them: 1,121 is "one thousand, one
/// hundred and twenty-one". Digits from a million on.
std::string number_in_words(int64_t number);

/// Whole seconds as H:MM:SS, as Python's timedelta writes them: "1 day, 0:00:05" from a day on.
std::string duration_text(double seconds);

/// Whole seconds as MM:SS; minutes go beyond 59.
std::string timestamp_text(double seconds);

}  // namespace flam
