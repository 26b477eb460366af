#include "framework/media/video_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flam {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;

std::string padded(std::string bytes) {
  bytes.resize(1024, '\0');
  return bytes;
}

std::optional<uint64_t> length_of(VideoFormat format, const std::string& bytes) {
  return expected_length(format, bytes.size(), [&](uint64_t at, size_t count) {
    return at < bytes.size() ? bytes.substr(at, count) : "";
  });
}

TEST(VideoFormat, RecognisesContainers) {
  EXPECT_EQ(sniff_video(padded("\0\0\0\x20"s
                               "ftypisom")),
            VideoFormat::mp4);
  EXPECT_EQ(sniff_video(padded("\0\0\0\x08"s
                               "wide\0\0\1\0mdat"s)),
            VideoFormat::mp4);
  EXPECT_EQ(sniff_video(padded("\x1a\x45\xdf\xa3")), VideoFormat::matroska);
  EXPECT_EQ(sniff_video(padded("RIFF\x10\0\0\0AVI LIST"s)), VideoFormat::avi);
  EXPECT_EQ(sniff_video(padded("\0\0\1\xba"s)), VideoFormat::mpeg_ps);
  EXPECT_EQ(sniff_video(padded("OggS")), VideoFormat::ogg);
  EXPECT_EQ(sniff_video(padded("FLV\1")), VideoFormat::flv);
  EXPECT_EQ(sniff_video(padded("GIF89a")), VideoFormat::gif);
  std::string stream(1024, '\0');
  for (size_t at = 0; at < stream.size(); at += 188) stream[at] = 'G';
  EXPECT_EQ(sniff_video(stream), VideoFormat::mpeg_ts);
}

TEST(VideoFormat, DoesNotTakePicturesPlaylistsAndTexts) {
  for (const std::string& other : {"\0\0\0\x18"
                                   "ftypheic"s,
                                   "\0\0\0\x18"
                                   "ftypavif"s,
                                   "RIFF\x10\0\0\0WEBPVP8 "s, "\x89PNG\r\n\x1a\n"s, "#EXTM3U\nhttp://a"s,
                                   "ffconcat version 1.0"s, "v=0\no=- 0 0 IN IP4"s, "Going"s, ""s})
    EXPECT_EQ(sniff_video(padded(other)), VideoFormat::none) << other;
  EXPECT_THAT(why_not_video("#EXTM3U\n"), HasSubstr("playlist"));
  EXPECT_THAT(why_not_video("\x89PNG\r\n\x1a\n"), HasSubstr("a PNG picture"));
  EXPECT_THAT(why_not_video("text"), HasSubstr("MP4, Matroska, AVI"));
  EXPECT_THAT(why_not_video(""), HasSubstr("empty"));
}

TEST(VideoFormat, TellsTheLengthThatTheContainerHas) {
  const std::string ftyp = "\0\0\0\x10"s + "ftypisomisom";
  EXPECT_EQ(length_of(VideoFormat::mp4, ftyp + "\0\0\0\x0c"s + "free1234"), 28u);
  EXPECT_EQ(length_of(VideoFormat::mp4, ftyp + "\0\0\1\0"s + "mdat"), 16u + 256);
  EXPECT_EQ(length_of(VideoFormat::mp4, ftyp + "\0\0\0\1mdat\0\0\0\1\0\0\0\0"s), 16u + (uint64_t{1} << 32));
  EXPECT_EQ(length_of(VideoFormat::mp4, ftyp + "\0\0\0\0mdat1234"s), 28u);  // up to the end
  EXPECT_EQ(length_of(VideoFormat::mp4, ftyp + "\0\0"s), 24u);
  EXPECT_EQ(length_of(VideoFormat::avi, "RIFF\x10\2\0\0AVI "s), 8u + 0x210);
  const std::string ebml = "\x1a\x45\xdf\xa3\x82..\x18\x53\x80\x67";
  EXPECT_EQ(length_of(VideoFormat::matroska, ebml + "\x40\x30" + std::string(20, '.')), 11u + 2 + 0x30);
  EXPECT_EQ(length_of(VideoFormat::matroska, ebml + "\xff" + std::string(20, '.')), std::nullopt);
  EXPECT_EQ(length_of(VideoFormat::ogg, "OggS"), std::nullopt);
}

}  // namespace
}  // namespace flam
