// Videos in requests: their JSON, and the inputs of a command line.
#include "framework/request/video_part.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/request/picture_request.h"
#include "framework/request/request_json.h"
#include "framework/request/request_source.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using namespace std::string_literals;
using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kMp4 = "\0\0\0\x10"s + "ftypisomisom";

Request request_of(const std::string& json) {
  return parse_request(json, "/folder", {});
}

TEST(VideoPart, KeepsHowFramesAreChosen) {
  for (const FrameSampling& sampling :
       {FrameSampling{}, FrameSampling{.frames = 8}, FrameSampling{.fps = 1.0 / 3},
        FrameSampling{.frames = 64, .fps = 1e-6, .key_frames = true}}) {
    const Part part = video_file_part("/a clip.mp4", sampling);
    EXPECT_TRUE(is_video_file_part(part));
    EXPECT_EQ(sampling_of(part), sampling);
    EXPECT_EQ(part.pictures.at(0).path, "/a clip.mp4");
  }
  EXPECT_FALSE(is_video_file_part({Part::Kind::frames, "", {PictureSource{"a.png", nullptr, {}}}}));
  EXPECT_FALSE(is_video_file_part({Part::Kind::text, "video", {}}));
}

TEST(VideoPart, JsonOfARequest) {
  const Request request = request_of(
      R"({"parts": [{"video": "a.mp4"}, {"text": "x"}, {"video": "/b.mp4", "frames": 8, "fps": 0.5}]})");
  ASSERT_EQ(request.parts.size(), 3u);
  EXPECT_EQ(request.parts[0].pictures.at(0).path, "/folder/a.mp4");
  EXPECT_TRUE(sampling_of(request.parts[0]).is_default());
  EXPECT_EQ(sampling_of(request.parts[2]), (FrameSampling{.frames = 8, .fps = 0.5}));
  EXPECT_EQ(request.id, "/b.mp4");
  const std::string written = request_json(request).dump();
  EXPECT_THAT(written, HasSubstr(R"({"video":"/b.mp4","frames":8,"fps":0.5})"));
  EXPECT_EQ(request_json(request_of(written)).dump(), written);
}

TEST(VideoPart, JsonOfAConversation) {
  const Request request = request_of(
      R"({"messages": [{"role": "user", "content": [{"type": "video", "video": "a.mp4", "key_frames": true},)"
      R"( {"type": "text", "text": "What happens?"}]}]})");
  EXPECT_TRUE(sampling_of(request.parts.at(0)).key_frames);
  const std::string written = request_json(request).dump();
  EXPECT_THAT(written, HasSubstr(R"({"type":"video","video":"/folder/a.mp4","key_frames":true})"));
  EXPECT_EQ(request_json(request_of(written)).dump(), written);
}

TEST(VideoPart, Refusals) {
  const auto refusal = [](const std::string& more) {
    return error_of([&] { request_of(R"({"parts": [{"video": "a.mp4", )" + more + "}]}"); });
  };
  for (const char* frames : {"0", "1025", "2.5", "\"8\"", "[\"a.png\"]"})
    EXPECT_THAT(refusal(cat(R"("frames": )", frames)), HasSubstr("how many frames to take, from 1 to 1024"));
  for (const char* fps : {"0", "-1", "1001", "\"1\""})
    EXPECT_THAT(refusal(cat(R"("fps": )", fps)), HasSubstr("for each second, above 0, at most 1000"));
  EXPECT_THAT(refusal(R"("key_frames": 1)"), HasSubstr("`key_frames` of a video must be true or false"));
  EXPECT_THAT(refusal(R"("timestamps": [1])"), HasSubstr("has no `timestamps`, which is read from the file"));
  EXPECT_THAT(refusal(R"("duration": 1)"), HasSubstr("has no `duration`"));
  EXPECT_THAT(refusal(R"("text": "x")"), HasSubstr("unknown key 'text' of a video (known: video, frames"));
  EXPECT_THAT(error_of([] { request_of(R"({"parts": [{"frames": ["a.png"], "key_frames": true}]})"); }),
              HasSubstr("`key_frames` needs `video`"));
  EXPECT_THAT(error_of([] { request_of(R"({"parts": [{"video": 3}]})"); }), HasSubstr("must be a path"));
}

TEST(VideoPart, IsMadeOfAFileThatBeginsLikeAVideo) {
  const test::Scratch scratch;
  write_file(scratch / "clip", kMp4);
  write_file(scratch / "picture.mp4", "P1 1 1 1");
  write_file(scratch / "broken.MP4", "text");  // so that the error says that it is no video
  EXPECT_TRUE(is_video_file_part(picture_request((scratch / "clip").string()).parts.at(0)));
  EXPECT_TRUE(is_video_file_part(picture_request((scratch / "broken.MP4").string()).parts.at(0)));
  EXPECT_EQ(picture_request((scratch / "picture.mp4").string()).parts.at(0).kind, Part::Kind::image);
  EXPECT_EQ(picture_request((scratch / "none.mp4").string()).parts.at(0).kind, Part::Kind::image);
}

TEST(VideoPart, IsFoundOnCommandLinesAndInFolders) {
  const test::Scratch scratch;
  write_file(scratch / "a.mp4", kMp4);
  write_file(scratch / "b.pbm", "P1 1 1 1");
  write_file(scratch / "c.txt", "text");
  std::vector<Request> taken;
  RequestSink sink;
  sink.take = [&](Request request) { taken.push_back(std::move(request)); };
  InputOptions options;
  options.images = {scratch.path().string(), (scratch / "a.mp4").string()};
  options.sampling.frames = 4;
  for_each_request(options, false, sink);
  ASSERT_EQ(taken.size(), 3u);
  EXPECT_EQ(sampling_of(taken[0].parts.at(0)).frames, 4);
  EXPECT_EQ(taken[1].parts.at(0).kind, Part::Kind::image);
  EXPECT_EQ(taken[2].id, (scratch / "a.mp4").string());
  options.images = {(scratch / "b.pbm").string()};
  EXPECT_THAT(error_of([&] { for_each_request(options, false, sink); }), HasSubstr("no video is given"));
  options.images.clear();
  options.request_file = "requests.jsonl";
  EXPECT_THAT(error_of([&] { for_each_request(options, false, sink); }), HasSubstr("--fps or --key-frames"));
}

}  // namespace
}  // namespace flam
