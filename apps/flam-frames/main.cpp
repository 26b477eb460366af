// flam-frames: decodes some frames of a video file and writes them to standard output. It is a program of its
// own, so that a video that crashes or hangs the decoder ends only this program, and so that flam does not
// link FFmpeg. framework/media/frame_stream.h describes what it writes.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include "apps/flam-frames/video_reader.h"
#include "framework/media/frame_sampling.h"

namespace flam::frames {

namespace {

constexpr const char* kUsage =
    "usage: flam-frames FILE [OPTION...]\n"
    "Decodes frames of a video, and writes them to standard output: lines of text and pixels, see\n"
    "framework/media/frame_stream.h.\n"
    "  --frames N         so many frames, from the first to the last at equal distances\n"
    "  --fps F            so many frames for each second, but at most N\n"
    "  --key-frames       only key frames, at most N\n"
    "  --max-seconds S    refuse longer videos\n"
    "  --max-pixels P     refuse videos with larger frames\n"
    "  --max-all-pixels P refuse to write more pixels together\n";

struct Options {
  std::string file;
  FrameSampling sampling;
  Limits limits;
};

double number(const std::string& text, double least, double most) {
  size_t used = 0;
  double value = 0;
  try {
    value = std::stod(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  if (used == 0 || used != text.size() || !(value >= least && value <= most))
    throw std::invalid_argument("'" + text + "' is no number in its range");
  return value;
}

int64_t count(const std::string& text) {
  return static_cast<int64_t>(number(text, 1, 1e15));
}

Options parse(int argc, char** argv) {
  Options out;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const auto value = [&]() -> std::string {
      if (++i == argc) throw std::invalid_argument(std::string(argument) + " needs a value");
      return argv[i];
    };
    if (argument == "--frames") {
      out.sampling.frames = std::min(count(value()), kMostFrames);
    } else if (argument == "--fps") {
      out.sampling.fps = number(value(), kLeastFps, kMostFps);
    } else if (argument == "--key-frames") {
      out.sampling.key_frames = true;
    } else if (argument == "--max-seconds") {
      out.limits.seconds = number(value(), 0, 1e9);
    } else if (argument == "--max-pixels") {
      out.limits.pixels = count(value());
    } else if (argument == "--max-all-pixels") {
      out.limits.all_pixels = count(value());
    } else if (argument.starts_with("--") || !out.file.empty()) {
      throw std::invalid_argument("unknown argument '" + std::string(argument) + "'");
    } else {
      out.file = std::filesystem::absolute(argument).string();  // never a URL or an option of FFmpeg
    }
  }
  if (out.file.empty()) throw std::invalid_argument("no file given");
  return out;
}

void write_frame(int64_t index, double seconds, const cv::Mat& bgr) {
  std::cout << "frame " << index << ' ' << seconds << ' ' << bgr.rows << ' ' << bgr.cols << '\n';
  std::string row(static_cast<size_t>(bgr.cols) * 3, '\0');
  for (int y = 0; y < bgr.rows; ++y) {
    const uint8_t* from = bgr.ptr<uint8_t>(y);
    for (size_t x = 0; x < row.size(); x += 3) {
      row[x] = static_cast<char>(from[x + 2]);
      row[x + 1] = static_cast<char>(from[x + 1]);
      row[x + 2] = static_cast<char>(from[x]);
    }
    std::cout.write(row.data(), static_cast<std::streamsize>(row.size()));
  }
}

/// Writes the frames of one attempt. Returns false if they must be read again, with the changes that were
/// made to `facts` or `may_seek`.
bool write_frames(const Options& options, VideoFacts& facts, bool& may_seek) {
  const auto numbers = sampled_frames(options.sampling, facts.frames, facts.duration, facts.keys);
  const int64_t pixels = facts.pixels * std::ssize(numbers);
  if (pixels > options.limits.all_pixels) {
    throw std::runtime_error("gives " + std::to_string(numbers.size()) + " frames with " +
                             std::to_string(pixels / 1'000'000) + " megapixels together; at most " +
                             std::to_string(options.limits.all_pixels / 1'000'000) +
                             " are taken; use fewer frames");
  }
  VideoReader reader(options.file, facts, may_seek);
  std::cout << "begin " << numbers.size() << '\n';
  double last = -1;
  for (const int64_t index : numbers) {
    const VideoReader::Found found = reader.go_to(index);
    if (found == VideoReader::Found::uncertain) {
      may_seek = false;
      return false;
    }
    if (found == VideoReader::Found::end) {
      const int64_t there = reader.passed();
      if (there * 2 < facts.frames) {
        throw std::runtime_error("is damaged: only " + std::to_string(there) + " of its " +
                                 std::to_string(facts.frames) + " frames can be decoded");
      }
      facts.frames = there;
      std::erase_if(facts.keys, [&](int64_t key) { return key >= there; });
      may_seek = false;
      return false;
    }
    const double by_rate = static_cast<double>(index) / facts.fps;
    const double seconds = std::max(reader.time().value_or(by_rate), last);
    write_frame(index, seconds, reader.pixels());
    last = seconds;
  }
  std::cout << "end " << facts.frames << ' ' << std::max(facts.duration, last) << '\n';
  return true;
}

int run(int argc, char** argv) {
  Options options;
  try {
    options = parse(argc, argv);
  } catch (const std::invalid_argument& error) {
    std::cerr << "flam-frames: " << error.what() << '\n' << kUsage;
    return 2;
  }
  restrict_ffmpeg();
  std::cout << "flam-frames 1\n" << std::setprecision(12);
  try {
    VideoFacts facts = examine(options.file, options.limits);
    bool may_seek = true;
    while (!write_frames(options, facts, may_seek)) {
    }
  } catch (const std::bad_alloc&) {
    std::cout << "error needs more memory than it may have\n";
  } catch (const std::exception& error) {
    std::string text = error.what();
    std::replace(text.begin(), text.end(), '\n', ' ');
    std::cout << "error " << text << '\n';
  }
  std::cout.flush();
  return std::cout ? 0 : 1;
}

}  // namespace

}  // namespace flam::frames

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  return flam::frames::run(argc, argv);
}
