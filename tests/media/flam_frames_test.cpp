// The program flam-frames, with small videos that the test makes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <opencv2/core/mat.hpp>
#include <opencv2/videoio.hpp>
#include <sstream>

#include "framework/base/child_program.h"
#include "framework/base/error.h"
#include "framework/base/text.h"
#include "framework/media/video.h"

namespace flam {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int kWidth = 64, kHeight = 32, kBits = 8;

/// A frame that shows its number as bars: bit i is white in column i of 8.
cv::Mat picture_of(int number) {
  cv::Mat frame(kHeight, kWidth, CV_8UC3);
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      const bool on = (number >> (x * kBits / kWidth)) & 1;
      frame.at<cv::Vec3b>(y, x) = on ? cv::Vec3b(255, 255, 255) : cv::Vec3b(0, 0, 0);
    }
  }
  return frame;
}

/// The number that a frame shows, modulo 256.
int number_in(const Picture& picture) {
  int number = 0;
  for (int bit = 0; bit < kBits; ++bit) {
    const int64_t x = (2 * bit + 1) * kWidth / (2 * kBits);
    number |= (picture.rgb[kHeight / 2][x][0].item<uint8_t>() > 127) << bit;
  }
  return number;
}

std::string read(const std::string& path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}

std::string big_endian(uint32_t number) {
  return {static_cast<char>(number >> 24), static_cast<char>(number >> 16), static_cast<char>(number >> 8),
          static_cast<char>(number)};
}

class FlamFrames : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / cat("flam_frames_test_", getpid());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void write(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
  }
  /// Makes a video. Returns false if the FFmpeg in use has no such encoder.
  bool make(const std::string& name, const char* codec, int frames, double fps) {
    cv::VideoWriter out;
    const int code = cv::VideoWriter::fourcc(codec[0], codec[1], codec[2], codec[3]);
    if (!out.open(path(name), cv::CAP_FFMPEG, code, fps, {kWidth, kHeight})) return false;
    for (int i = 0; i < frames; ++i) out.write(picture_of(i));
    return true;
  }
  /// Makes `name` of another file, with a text replaced.
  void change(const std::string& from, const std::string& name, const std::string& old,
              const std::string& replacement) {
    std::string bytes = read(path(from));
    const size_t at = bytes.find(old);
    ASSERT_NE(at, std::string::npos);
    write(name, bytes.replace(at, old.size(), replacement));
  }
  std::string error_of(const std::string& name, const FrameSampling& sampling = {},
                       const VideoLimits& limits = {}) {
    try {
      decode_video(path(name), sampling, limits);
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(name));
      return error.what();
    }
    return "";
  }
  /// Checks that sparse frames are those of a decode from the first to the last.
  void expect_as_in_sequence(const std::string& name, const FrameSampling& sampling) {
    const DecodedVideo all = decode_video(path(name), {.frames = kMostFrames});
    const DecodedVideo some = decode_video(path(name), sampling);
    ASSERT_GT(some.frames.size(), 1u);
    for (size_t i = 0; i < some.frames.size(); ++i) {
      const auto number = static_cast<size_t>(some.numbers[i]);
      ASSERT_EQ(all.numbers[number], some.numbers[i]);
      EXPECT_TRUE(some.frames[i].rgb.equal(all.frames[number].rgb)) << name << " " << number;
      EXPECT_EQ(number_in(some.frames[i]), static_cast<int>(number) % 256) << name;
      EXPECT_NEAR(some.timestamps[i], all.timestamps[number], 1e-6) << name << " " << number;
    }
  }

  fs::path folder_;
};

TEST_F(FlamFrames, ReadsFramesAndTimes) {
  ASSERT_TRUE(make("a.avi", "MJPG", 30, 10));
  const DecodedVideo video = decode_video(path("a.avi"), {.frames = 4});
  EXPECT_THAT(video.numbers, ElementsAre(0, 9, 19, 29));
  EXPECT_THAT(video.timestamps, ElementsAre(0, 0.9, 1.9, 2.9));
  EXPECT_EQ(video.total_frames, 30);
  EXPECT_DOUBLE_EQ(video.duration, 3);
  ASSERT_EQ(video.frames.size(), 4u);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(number_in(video.frames[i]), video.numbers[i]);
  EXPECT_EQ(video.frames[0].width(), kWidth);
  EXPECT_EQ(decode_video(path("a.avi"), {.fps = 2}).frames.size(), 6u);
  EXPECT_EQ(decode_video(path("a.avi"), {.frames = 100}).frames.size(), 30u);
}

TEST_F(FlamFrames, GivesColoursAsRgb) {
  cv::VideoWriter out(path("red.avi"), cv::CAP_FFMPEG, cv::VideoWriter::fourcc('M', 'J', 'P', 'G'), 10,
                      {kWidth, kHeight});
  out.write(cv::Mat(kHeight, kWidth, CV_8UC3, cv::Scalar(0, 0, 255)));
  out.release();
  const at::Tensor pixel = decode_video(path("red.avi"), {}).frames.at(0).rgb[5][5];
  EXPECT_GT(pixel[0].item<uint8_t>(), 240);
  EXPECT_LT(pixel[2].item<uint8_t>(), 15);
}

TEST_F(FlamFrames, SeeksToTheSameFramesAsInSequence) {
  ASSERT_TRUE(make("a.mp4", "mp4v", 900, 30));
  expect_as_in_sequence("a.mp4", {.frames = 4});
  expect_as_in_sequence("a.mp4", {.frames = 5, .key_frames = true});
  if (make("b.mp4", "avc1", 900, 25)) expect_as_in_sequence("b.mp4", {.frames = 4});  // with B-frames
  if (make("b.mkv", "H264", 900, 29.97)) expect_as_in_sequence("b.mkv", {.frames = 4});
  std::string output;  // in one attempt, so it did not go back to a decode from the first frame
  const auto keep = [&](std::string_view piece) { return !output.append(piece).empty(); };
  run_program({{FLAM_BUILD_DIR "/bin/flam-frames", path("a.mp4"), "--frames", "4"}, {}}, keep);
  EXPECT_EQ(output.find("begin"), output.rfind("begin"));
}

TEST_F(FlamFrames, CountsFramesThatAreAtUnequalTimes) {
  ASSERT_TRUE(make("even.mp4", "mp4v", 900, 30));
  std::string bytes = read(path("even.mp4"));
  if (const size_t edit = bytes.find("elst"); edit != std::string::npos)  // which ends after 30 s
    bytes.replace(edit + 12, 4, big_endian(60'000));
  // The second half is three times as slow: stts gets a second entry, and each box around it is larger.
  const size_t stts = bytes.find("stts");
  ASSERT_EQ(bytes.substr(stts + 8, 8), big_endian(1) + big_endian(900));
  const std::string delta = bytes.substr(stts + 16, 4);
  const auto value =
      static_cast<uint32_t>(static_cast<unsigned char>(delta[2]) << 8 | static_cast<unsigned char>(delta[3]));
  for (const char* box : {"moov", "trak", "mdia", "minf", "stbl", "stts"}) {
    const size_t at = bytes.rfind(box, stts) - 4;
    uint32_t size = 0;
    for (size_t i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(bytes[at + i]);
    bytes.replace(at, 4, big_endian(size + 8));
  }
  bytes.replace(stts + 8, 12,
                big_endian(2) + big_endian(450) + delta + big_endian(450) + big_endian(3 * value));
  write("uneven.mp4", bytes);
  expect_as_in_sequence("uneven.mp4", {.frames = 4});
  EXPECT_NEAR(decode_video(path("uneven.mp4"), {.frames = 2}).timestamps.back(), 15 + 449 * 0.1, 0.01);
}

TEST_F(FlamFrames, TurnsFramesUpright) {
  ASSERT_TRUE(make("a.mp4", "mp4v", 3, 10));
  std::string bytes = read(path("a.mp4"));
  const size_t matrix = bytes.find("tkhd") + 44;
  bytes.replace(matrix, 20,  // clockwise by 90 degrees
                big_endian(0) + big_endian(1 << 16) + big_endian(0) + big_endian(0xffff0000) + big_endian(0));
  write("turned.mp4", bytes);
  const Picture flat = decode_video(path("a.mp4"), {.frames = 2}).frames[1];
  const Picture turned = decode_video(path("turned.mp4"), {.frames = 2}).frames[1];
  EXPECT_EQ(turned.width(), kHeight);
  EXPECT_TRUE(turned.rgb.equal(flat.rgb.rot90(-1, {0, 1})));
}

TEST_F(FlamFrames, RefusesWhatIsTooLarge) {
  ASSERT_TRUE(make("a.avi", "MJPG", 30, 10));
  EXPECT_THAT(error_of("a.avi", {}, {.max_pixels = 100}),
              HasSubstr("has frames of 64 × 32 pixels; at most 100"));
  EXPECT_THAT(error_of("a.avi", {}, {.max_duration = 2}), HasSubstr("lasts 3 seconds; at most 2"));
  EXPECT_THAT(error_of("a.avi", {}, {.max_all_pixels = 10'000}), HasSubstr("30 frames"));
  EXPECT_EQ(error_of("a.avi", {.frames = 4}, {.max_all_pixels = 10'000}), "");
  EXPECT_NE(error_of("a.avi", {}, {.max_memory = 1 << 20}), "");
}

TEST_F(FlamFrames, RefusesDamagedFiles) {
  ASSERT_TRUE(make("a.mp4", "mp4v", 60, 10));
  change("a.mp4", "audio.mp4", "vide", "soun");
  EXPECT_THAT(error_of("audio.mp4"), HasSubstr("no video track"));
  change("a.mp4", "broken.mp4", "moov", "none");
  EXPECT_THAT(error_of("broken.mp4"), AllOf(HasSubstr("can't be read"), HasSubstr("moov atom not found")));
  const std::string whole = read(path("a.mp4"));
  write("cut.mp4", whole.substr(0, whole.size() - 40));
  EXPECT_THAT(error_of("cut.mp4"), HasSubstr("is truncated"));
  ASSERT_TRUE(make("none.mp4", "mp4v", 0, 10));
  EXPECT_NE(error_of("none.mp4"), "");
  for (size_t seed = 1; seed < 12; ++seed) {  // no crash of this program, whatever is there
    std::string bytes = whole;
    for (size_t at = 32 + seed; at < bytes.size(); at += 17 * seed) bytes[at] ^= static_cast<char>(at * seed);
    write("noise.mp4", bytes);
    error_of("noise.mp4", {.frames = 3}, {.max_decode_seconds = 60});
  }
}

TEST_F(FlamFrames, ReadsNothingButTheFile) {
  ASSERT_TRUE(make("a.avi", "MJPG", 3, 10));
  write("list.txt", cat("ffconcat version 1.0\nfile ", path("a.avi"), "\n"));
  write("list.m3u8",
        cat("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n", path("a.avi"), "\n#EXT-X-ENDLIST\n"));
  fs::copy_file(path("a.avi"), path("50%03d https:.avi"));
  EXPECT_EQ(decode_video(path("50%03d https:.avi"), {}).frames.size(), 3u);  // a name has no meaning
  for (const char* name : {"list.txt", "list.m3u8", "%d.avi"}) {
    std::string output;  // also if it is asked directly
    const auto keep = [&](std::string_view piece) { return !output.append(piece).empty(); };
    run_program({{FLAM_BUILD_DIR "/bin/flam-frames", path(name)}, {}}, keep);
    EXPECT_THAT(output, HasSubstr("error can't be read")) << name;
  }
}

}  // namespace
}  // namespace flam
