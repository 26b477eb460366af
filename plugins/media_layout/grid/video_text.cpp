#include "video_text.h"

namespace flam {

namespace {

constexpr const char* kDuration = "{duration}";
constexpr const char* kTimestamp = "{timestamp}";

void replace_all(std::string& text, std::string_view from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

std::string two_digits(int64_t number) {
  return (number < 10 ? "0" : "") + std::to_string(number);
}

}  // namespace

void VideoParams::visit(ParamVisitor& v) {
  v("intro", intro,
    "text before the frames; {frame_count} becomes their number in words, {duration} the length of the video "
    "as "
    "H:MM:SS (without one, the time of the last frame)");
  v("frame", frame, "text before each frame; {timestamp} becomes its time as MM:SS");
  v("outro", outro, "text behind the frames");
  v("longest_edge", longest_edge,
    "length of the longest edge to which every frame is resized first, pixels; null: as pictures",
    between(1, 1 << 20));
  v("fps", fps,
    "how many frames of a video file are taken for each second, unless a request says it; null: max_frames "
    "are taken",
    between(1e-6, 1000.0));
  v("max_frames", max_frames,
    "most frames of a video file, unless a request says it; null: 8, or with fps no limit", between(1, 1024));
}

std::string video_text(const VideoParams& params, const Part& video, const std::string& crop) {
  const auto& times = video.timestamps;
  const bool writes_times = params.frame.find(kTimestamp) != std::string::npos;
  const bool writes_duration = params.intro.find(kDuration) != std::string::npos;
  if (times.size() != video.pictures.size() && (writes_times || (writes_duration && !video.duration))) {
    throw Error(
        "the model is told when each frame of a video was taken, but the request does not say that of its "
        "frames; add `fps` (frames per second) or `timestamps` (seconds) beside `frames`");
  }
  std::string text = params.intro;
  replace_all(text, "{frame_count}", number_in_words(std::ssize(video.pictures)));
  if (writes_duration)
    replace_all(text, kDuration, duration_text(video.duration ? *video.duration : times.back()));
  for (size_t i = 0; i < video.pictures.size(); ++i) {
    std::string frame = params.frame;
    if (writes_times) replace_all(frame, kTimestamp, timestamp_text(times[i]));
    text += frame + crop;
  }
  return text + params.outro;
}

std::string number_in_words(int64_t number) {
  static constexpr const char* kSmall[] = {"zero",    "one",     "two",       "three",    "four",
                                           "five",    "six",     "seven",     "eight",    "nine",
                                           "ten",     "eleven",  "twelve",    "thirteen", "fourteen",
                                           "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
  static constexpr const char* kTens[] = {"twenty", "thirty",  "forty",  "fifty",
                                          "sixty",  "seventy", "eighty", "ninety"};
  if (number >= 1'000'000) return std::to_string(number);
  if (number < 20) return kSmall[number];
  if (number < 100) {
    const int64_t ones = number % 10;
    return kTens[number / 10 - 2] + (ones > 0 ? std::string("-") + kSmall[ones] : "");
  }
  const int64_t unit = number < 1000 ? 100 : 1000, rest = number % unit;
  const std::string whole = number_in_words(number / unit) + (unit == 100 ? " hundred" : " thousand");
  if (rest == 0) return whole;
  return whole + (rest < 100 ? " and " : ", ") + number_in_words(rest);
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<int64_t>(seconds);
  const int64_t days = whole / 86'400, rest = whole % 86'400;
  return (days > 0 ? cat(days, days == 1 ? " day, " : " days, ") : "") +
         cat(rest / 3600, ":", two_digits(rest / 60 % 60), ":", two_digits(rest % 60));
}

std::string timestamp_text(double seconds) {
  const auto whole = static_cast<int64_t>(seconds);
  return two_digits(whole / 60) + ":" + two_digits(whole % 60);
}

}  // namespace flam
