// What becomes of a video whose decoder misbehaves: scripts take its place.
#include "framework/media/video.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "framework/base/error.h"
#include "framework/base/text.h"

namespace flam {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class VideoTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / cat("video_test_", getpid());
    fs::create_directories(folder_);
    write("clip.mp4", "\0\0\0\x10"s + "ftypisomisom");
  }
  void TearDown() override {
    unsetenv("FLAM_FRAMES");
    fs::remove_all(folder_);
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void write(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
  }
  /// Makes a script take the place of flam-frames.
  void decode_with(const std::string& script) {
    write("helper", "#!/bin/sh\nPATH=/usr/bin:/bin\n" + script);
    fs::permissions(folder_ / "helper", fs::perms::owner_all);
    setenv("FLAM_FRAMES", path("helper").c_str(), 1);
  }
  /// The error for a file.
  std::string error_of(const std::string& name, const VideoLimits& limits = {}) {
    try {
      decode_video(path(name), {}, limits);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  fs::path folder_;
};

TEST_F(VideoTest, ReadsWhatTheDecoderWrites) {
  decode_with(
      "printf 'flam-frames 1\\nbegin 3\\nframe 0 0 1 1\\nxxx'\n"
      "printf 'begin 2\\nframe 0 0 1 2\\nabcdef'; sleep 0.1; printf 'frame 7 0.25 1 1\\ngh'; sleep 0.1\n"
      "printf 'iend 8 0.5\\n'");
  const DecodedVideo video = decode_video(path("clip.mp4"), {});
  ASSERT_EQ(video.frames.size(), 2u);
  EXPECT_EQ(video.frames[0].width(), 2);
  EXPECT_EQ(video.frames[0].rgb.flatten()[4].item<uint8_t>(), 'e');
  EXPECT_EQ(video.frames[1].rgb.flatten()[2].item<uint8_t>(), 'i');
  EXPECT_THAT(video.numbers, ElementsAre(0, 7));
  EXPECT_THAT(video.timestamps, ElementsAre(0, 0.25));
  EXPECT_EQ(video.total_frames, 8);
  EXPECT_EQ(video.duration, 0.5);
}

TEST_F(VideoTest, TellsTheDecoderWhatToDo) {
  decode_with("echo flam-frames 1; echo \"error $*\"; cat <&3 >/dev/null");
  try {
    decode_video(path("clip.mp4"), {.frames = 8, .fps = 0.5, .key_frames = true});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("/proc/self/fd/3 "), HasSubstr("--frames 8 --fps 0.5"),
                                    HasSubstr(" --key-frames"), HasSubstr("--max-all-pixels 1000000000")));
  }
}

TEST_F(VideoTest, NamesTheFileInEachError) {
  decode_with(
      "echo '[mp4 @ 0x55] [io @ 0x66] moov atom not found' >&2; echo flam-frames 1; echo 'error has no "
      "frames'");
  EXPECT_EQ(error_of("clip.mp4"), cat("video '", path("clip.mp4"), "' has no frames (moov atom not found)"));
  decode_with("kill -SEGV $$");
  EXPECT_THAT(error_of("clip.mp4"), AllOf(HasSubstr("clip.mp4"), HasSubstr("crashes its decoder (Segm")));
  decode_with("echo flam-frames 1; exec sleep 1000");
  EXPECT_THAT(error_of("clip.mp4", {.max_decode_seconds = 0.2}),
              AllOf(HasSubstr("clip.mp4"), HasSubstr("within 0.2 seconds")));
  decode_with("echo no library >&2; exit 127");
  EXPECT_THAT(error_of("clip.mp4"), AllOf(HasSubstr("clip.mp4"), HasSubstr("status 127 (no library)")));
  decode_with("echo flam-frames 1; echo begin 1");
  EXPECT_THAT(error_of("clip.mp4"), HasSubstr("ended early, with status 0"));
}

TEST_F(VideoTest, DoesNotTrustTheDecoder) {
  for (const char* text :
       {"flam-frames 2\\n", "", "flam-frames 1\\nframe 0 0 1 1\\n", "flam-frames 1\\nbegin 2000\\n",
        "flam-frames 1\\nbegin 1\\nend 1 1\\n", "flam-frames 1\\nbegin 1\\nframe 0 0 100000 100000\\n",
        "flam-frames 1\\nbegin 1\\nframe 0 0 -1 -1\\n", "flam-frames 1\\nbegin 1\\nframe 0 nan 1 1\\n",
        "flam-frames 1\\nbegin 1\\nframe 0 0 9223372036854775807 9223372036854775807\\n",
        "flam-frames 1\\nbegin 2\\nframe 5 3 1 1\\nabcframe 4 4 1 1\\n",
        "flam-frames 1\\nbegin 1\\nframe 0 3 1 1\\nabcend 1 1\\n",
        "flam-frames 1\\nbegin 1\\nframe 0 0 1 1\\nabcend 1 1\\nend 1 1\\n"}) {
    decode_with(cat("printf '", text, "'; exec sleep 1000"));
    const std::string error = error_of("clip.mp4", {.max_decode_seconds = *text == '\0' ? 0.2 : 20});
    EXPECT_THAT(error,
                AllOf(HasSubstr("clip.mp4"), HasSubstr(*text == '\0' ? "within" : "flam-frames wrote")))
        << text;
  }
  decode_with("echo flam-frames 1; while :; do printf yyyyyyyyyyyyyyyyyyyyyy; done");
  EXPECT_THAT(error_of("clip.mp4"), HasSubstr("a line that is too long"));
  decode_with("printf 'flam-frames 1\\nbegin 9\\n'; while :; do printf 'frame 0 0 1 1\\nabc'; done");
  EXPECT_THAT(error_of("clip.mp4"), HasSubstr("an impossible frame"));
  decode_with("printf 'flam-frames 1\\nbegin 2\\nframe 0 0 2 2\\n0123456789abframe 1 1 2 2\\n'");
  EXPECT_THAT(error_of("clip.mp4", {.max_all_pixels = 7}), HasSubstr("an impossible frame"));
}

TEST_F(VideoTest, RefusesFilesBeforeTheDecoderSeesThem) {
  decode_with("echo must not run >&2; exit 9");
  EXPECT_THAT(error_of("none.mp4"), AllOf(HasSubstr("none.mp4"), HasSubstr("No such file")));
  fs::create_directory(folder_ / "folder.mp4");
  EXPECT_THAT(error_of("folder.mp4"), HasSubstr("not a regular file"));
  write("list.mp4", "#EXTM3U\nhttp://example.org/a.ts\n");
  EXPECT_THAT(error_of("list.mp4"), HasSubstr("is a playlist"));
  write("empty.mp4", "");
  EXPECT_THAT(error_of("empty.mp4"), HasSubstr("is empty"));
  write("cut.mp4", "\0\0\0\x10"s + "ftypisomisom" + "\0\1\0\0"s + "mdat1234");
  EXPECT_THAT(error_of("cut.mp4"),
              HasSubstr("is truncated: its 28 bytes end before the end of the MP4 data"));
  EXPECT_THAT(error_of("clip.mp4", {.max_bytes = 15}), HasSubstr("has 16 bytes; at most 15"));
  EXPECT_THROW(decode_video("https://example.org/a.mp4", {}), Error);
}

TEST_F(VideoTest, SaysWhereTheDecoderIsMissing) {
  setenv("FLAM_FRAMES", path("not_there").c_str(), 1);
  EXPECT_THAT(error_of("clip.mp4"), AllOf(HasSubstr("not_there"), HasSubstr("No such file")));
}

TEST_F(VideoTest, KnowsVideosByTheirFirstBytes) {
  write("named.txt", "\0\0\0\x10"s + "ftypisomisom");
  write("text.mp4", "a text");
  EXPECT_TRUE(is_video_file(path("named.txt")));
  EXPECT_FALSE(is_video_file(path("text.mp4")));
  EXPECT_FALSE(is_video_file(path("none")));
  EXPECT_FALSE(is_video_file(folder_.string()));
}

}  // namespace
}  // namespace flam
