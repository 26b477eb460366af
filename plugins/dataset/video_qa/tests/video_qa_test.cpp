#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/request/video_part.h"
#include "plugins/dataset/shared/tests/sample.h"

namespace flam {
namespace {

using test::ids_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class VideoQa : public testing::Test {
 protected:
  std::vector<std::string> frames(const Record& record) const {
    std::vector<std::string> out;
    for (const PictureSource& picture : record.request.parts.at(0).pictures)
      out.push_back(std::filesystem::path(picture.path).filename().string());
    return out;
  }

  test::Sample sample_{"video_qa"};
  const std::string msvd_ =
      "{type: video_qa, questions: @msvd_test_qa.json, videos: @msvd, video_name: 'vid{video_id}'";
  const std::string msrvtt_ = "{type: video_qa, questions: @msrvtt_test_qa.json, videos: @msrvtt";
};

TEST_F(VideoQa, Msvd) {
  const auto dataset = sample_.open(msvd_ + ", frames: 4, fps: 2}");
  ASSERT_THAT(ids_of(*dataset), ElementsAre("0", "1"));
  const Record record = dataset->at(1);
  ASSERT_EQ(record.request.parts.size(), 2u);
  EXPECT_EQ(record.request.parts[0].kind, Part::Kind::frames);
  EXPECT_THAT(frames(record),
              ElementsAre("frame0001.png", "frame0004.png", "frame0007.png", "frame0010.png"));
  EXPECT_THAT(record.request.parts[0].timestamps, ElementsAre(0.5, 2, 3.5, 5));
  EXPECT_TRUE(std::filesystem::exists(record.request.parts[0].pictures[0].path));
  EXPECT_EQ(record.request.parts[1].text, "how many colours are there?");
  EXPECT_THAT(record.references, ElementsAre("two"));
  EXPECT_EQ(record.facts.find("question_id")->as_int(), 1);
  EXPECT_EQ(frames(sample_.open(msvd_ + ", frames: 40}")->at(0)).size(), 12u);
  EXPECT_THAT(frames(sample_.open(msvd_ + ", frames: 1}")->at(0)), ElementsAre("frame0006.png"));
}

TEST_F(VideoQa, MsrVtt) {
  const auto dataset = sample_.open(msrvtt_ + ", kind: category_id}");
  ASSERT_THAT(ids_of(*dataset), ElementsAre("158581"));
  EXPECT_THAT(frames(dataset->at(0)), ElementsAre("0.png", "1.png"));
  EXPECT_TRUE(dataset->at(0).request.parts[0].timestamps.empty());
  EXPECT_EQ(dataset->at(0).kind, "14");
}

TEST_F(VideoQa, FramesAreOrderedByTheirNumbers) {
  std::filesystem::rename(sample_ / "msrvtt/video6513/0.png", sample_ / "msrvtt/video6513/f10.png");
  std::filesystem::rename(sample_ / "msrvtt/video6513/1.png", sample_ / "msrvtt/video6513/f9.png");
  sample_.write("msrvtt/video6513/f009a.png", "");
  sample_.write("msrvtt/video6513/notes.txt", "");
  EXPECT_THAT(frames(sample_.open(msrvtt_ + "}")->at(0)), ElementsAre("f9.png", "f009a.png", "f10.png"));
}

TEST_F(VideoQa, FoldersMayHaveTheNamesOfYouTube) {
  std::filesystem::rename(sample_ / "msvd/vid1", sample_ / "msvd/-4wsuPCjDBc_5_15");
  const std::string mapped = msvd_ + ", mapping: @youtube_mapping.txt}";
  EXPECT_EQ(frames(sample_.open(mapped)->at(0)).size(), 8u);
  sample_.write("youtube_mapping.txt", "a vid2\r\n\nb vid3\n");
  EXPECT_THAT(sample_.error(mapped), HasSubstr("youtube_mapping.txt' has no line for the video 'vid1'"));
  sample_.write("youtube_mapping.txt", "a vid1\nvid1\n");
  EXPECT_THAT(sample_.error(mapped),
              HasSubstr("youtube_mapping.txt:2:1: expected a line NAME VIDEO, found 'vid1'"));
  sample_.write("youtube_mapping.txt", "a vid1\nb vid1\n");
  EXPECT_THAT(sample_.error(mapped), HasSubstr(":2:1: the video 'vid1' has a line already"));
}

TEST_F(VideoQa, AVideoMayBeAFile) {
  std::filesystem::remove_all(sample_ / "msrvtt/video6513");
  sample_.write("msrvtt/video6513.mp4", "");
  for (const char* more : {", frames: 5}", ", frames: 5, video_name: 'video{video_id}.mp4'}"}) {
    const auto dataset = sample_.open(msrvtt_ + more);
    const Part part = dataset->at(0).request.parts.at(0);
    EXPECT_TRUE(is_video_file_part(part));
    EXPECT_EQ(sampling_of(part), FrameSampling{.frames = 5});
    EXPECT_EQ(part.pictures.at(0).path, (sample_ / "msrvtt/video6513.mp4").string());
  }
}

TEST_F(VideoQa, MissingFramesAreAnErrorOrSkipped) {
  std::filesystem::remove_all(sample_ / "msrvtt/video6513");
  sample_.write("msrvtt/video6513.txt", "");
  EXPECT_THAT(sample_.error(msrvtt_ + "}"),
              AllOf(HasSubstr("msrvtt_test_qa.json:1:2: the frames '"),
                    HasSubstr("video6513/*' of record '158581' are"),
                    HasSubstr("expected a folder with the frames of each video")));
  sample_.replace("msvd_test_qa.json",
                  "two\", \"id\": 1, \"question\": \"how many colours are there?\", \"video_id\": 1",
                  "two\", \"id\": 1, \"question\": \"how many colours are there?\", \"video_id\": 2");
  std::filesystem::create_directory(sample_ / "msvd/vid2");
  const auto dataset = sample_.open(msvd_ + ", skip_missing: true}");
  EXPECT_THAT(ids_of(*dataset), ElementsAre("0"));
  EXPECT_EQ(dataset->skipped(), 1);
  EXPECT_THAT(sample_.error("{type: video_qa, questions: @msvd_test_qa.json, videos: @absent}"),
              HasSubstr("absent', which `videos` names, is not there"));
  EXPECT_THAT(sample_.error(msvd_ + ", kind: category_id}"),
              HasSubstr("record 1: expected the field `category_id`"));
}

}  // namespace
}  // namespace flam
