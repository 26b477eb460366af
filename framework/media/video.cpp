#include "framework/media/video.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "framework/base/child_program.h"
#include "framework/base/interrupted.h"
#include "framework/base/text.h"
#include "framework/media/frame_stream.h"
#include "framework/media/picture_format.h"
#include "framework/media/video_format.h"

namespace flam {

namespace fs = std::filesystem;

namespace {

class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~OpenFile() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  int descriptor() const { return descriptor_; }
  std::string read(uint64_t at, size_t bytes) const {
    std::string out(bytes, '\0');
    const ssize_t count = pread(descriptor_, out.data(), bytes, static_cast<off_t>(at));
    out.resize(static_cast<size_t>(std::max<ssize_t>(count, 0)));
    return out;
  }

 private:
  int descriptor_;
};

/// Error: the file is not one that FFmpeg should see.
void check_file(const OpenFile& file, const std::string& path, const VideoLimits& limits) {
  if (file.descriptor() < 0) {
    const int why = errno;
    if (const auto why_not = why_not_a_path(path)) throw Error(cat("video ", quoted(path), " ", *why_not));
    throw Error(cat("video ", quoted(path), " can't be read: ", std::strerror(why)));
  }
  struct stat status {};
  if (fstat(file.descriptor(), &status) != 0 || !S_ISREG(status.st_mode))
    throw Error(cat("video ", quoted(path), " is not a regular file"));
  if (status.st_size > limits.max_bytes) {
    throw Error(cat("video ", quoted(path), " has ", status.st_size, " bytes; at most ", limits.max_bytes,
                    " are taken; cut it, or make it smaller"));
  }
  const std::string beginning = file.read(0, kSniffedVideoBytes);
  const VideoFormat format = sniff_video(beginning);
  if (format == VideoFormat::none) throw Error(cat(quoted(path), " ", why_not_video(beginning)));
  const auto size = static_cast<uint64_t>(status.st_size);
  const auto expected =
      expected_length(format, size, [&](uint64_t at, size_t bytes) { return file.read(at, bytes); });
  if (expected && *expected > size) {
    throw Error(cat("video ", quoted(path), " is truncated: its ", size, " bytes end before the end of the ",
                    name_of(format), " data"));
  }
}

/// The path of flam-frames: beside flam, unless the environment names another one. Error: it is not there.
std::string helper() {
  if (const char* named = std::getenv("FLAM_FRAMES"); named && *named != '\0') return named;
  Dl_info library{};
  dladdr(reinterpret_cast<void*>(&decode_video), &library);
  std::error_code ignored;
  const fs::path path =
      fs::canonical(library.dli_fname, ignored).parent_path().parent_path() / "bin" / "flam-frames";
  if (!fs::exists(path, ignored)) {
    throw Error(
        "videos are decoded by the program flam-frames, which is built only where OpenCV's videoio is "
        "installed; "
        "install it (on Debian: tools/setup --with-video), or give the frames as pictures: {\"frames\": "
        "[FILE, "
        "…]}");
  }
  return path.string();
}

ChildProgram command(const OpenFile& file, const FrameSampling& sampling, const VideoLimits& limits) {
  ChildProgram out;
  // The decoder never sees the name of the file, so that nothing in it has a meaning.
  out.command = {helper(),           "/proc/self/fd/3",
                 "--max-seconds",    cat(limits.max_duration),
                 "--max-pixels",     std::to_string(limits.max_pixels),
                 "--max-all-pixels", std::to_string(limits.max_all_pixels)};
  if (sampling.frames) out.command.insert(out.command.end(), {"--frames", std::to_string(*sampling.frames)});
  if (sampling.fps) out.command.insert(out.command.end(), {"--fps", cat(*sampling.fps)});
  if (sampling.key_frames) out.command.emplace_back("--key-frames");
  out.environment = {"MALLOC_ARENA_MAX=2"};
  if (const char* libraries = std::getenv("LD_LIBRARY_PATH"))
    out.environment.push_back(cat("LD_LIBRARY_PATH=", libraries));
  out.input = file.descriptor();
  out.seconds = limits.max_decode_seconds;
  out.memory_bytes = limits.max_memory;
  return out;
}

/// The first line that the decoder wrote to standard error, without the "[mp4 @ 0x5581…] " before it, in
/// parentheses.
std::string remark(const ProgramEnd& end) {
  std::string line = end.error.substr(0, end.error.find('\n'));
  while (line.starts_with('[')) line = line.substr(std::min(line.size(), line.find("] ") + 2));
  return line.empty() ? "" : cat(" (", printable(line), ")");
}

[[noreturn]] void fail(const std::string& path, const ProgramEnd& end, const FrameStream& stream,
                       const VideoLimits& limits) {
  const std::string video = cat("video ", quoted(path), " ");
  if (!stream.error().empty()) throw Error(cat(video, printable(stream.error(), 1000), remark(end)));
  switch (end.how) {
    case ProgramEnd::How::timed_out:
      throw Error(cat(video, "could not be decoded within ", limits.max_decode_seconds,
                      " seconds; cut it, or make it smaller"));
    case ProgramEnd::How::stopped:
      throw Error(cat(video, "can't be read: flam-frames wrote ", stream.problem()));
    case ProgramEnd::How::killed:
      if (end.status == SIGINT) throw Interrupted();
      throw Error(cat(video, "crashes its decoder (", strsignal(end.status), ")", remark(end)));
    case ProgramEnd::How::exited:
      break;
  }
  throw Error(cat(video, "can't be read: flam-frames ended early, with status ", end.status, remark(end)));
}

}  // namespace

DecodedVideo decode_video(const std::string& path, const FrameSampling& sampling, const VideoLimits& limits) {
  const OpenFile file(path);
  check_file(file, path, limits);
  FrameStream stream(limits.max_pixels, limits.max_all_pixels);
  const ProgramEnd end = run_program(command(file, sampling, limits),
                                     [&](std::string_view piece) { return stream.take(piece); });
  const bool ended_well = end.how == ProgramEnd::How::exited && end.status == 0;
  if (!ended_well || !stream.is_complete()) fail(path, end, stream, limits);
  return std::move(stream.video());
}

bool is_video_file(const std::string& path) {
  const OpenFile file(path);
  struct stat status {};
  if (file.descriptor() < 0 || fstat(file.descriptor(), &status) != 0 || !S_ISREG(status.st_mode))
    return false;
  const VideoFormat format = sniff_video(file.read(0, kSniffedVideoBytes));
  return format != VideoFormat::none && format != VideoFormat::gif;
}

}  // namespace flam
