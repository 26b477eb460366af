#include "framework/request/shots_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/base/file.h"
#include "framework/request/request_source.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

class ShotsFile : public testing::Test {
 protected:
  ShotsFile() {
    std::filesystem::create_directory(scratch_ / "pictures");
    for (const char* name : {"a.png", "b.png"}) write_file(scratch_ / "pictures" / name, "P5\n1 1\n255\nx");
  }
  std::string file(const std::string& text) const {
    const auto path = scratch_ / "shots.json";
    write_file(path, text);
    return path.string();
  }
  std::string error(const std::string& text, bool with_question = false) const {
    return error_of([&] { read_shots(file(text), with_question); });
  }

  test::Scratch scratch_;
};

TEST_F(ShotsFile, IsAListOrLines) {
  const std::string one = R"({"image": "pictures/a.png", "caption": "a ring", "id": "first"})",
                    two = R"({"image": "pictures/b.png", "text": "é \u00e9"})";
  for (const std::string& text :
       {"[" + one + ",\n " + two + "]", one + "\n\n" + two + "\n", one + "\n" + two}) {
    const Shots shots = read_shots(file(text), false);
    ASSERT_EQ(shots.request.parts.size(), 4U);
    EXPECT_EQ(shots.request.parts[0].kind, Part::Kind::image);
    EXPECT_EQ(shots.request.parts[0].pictures[0].path, (scratch_ / "pictures/a.png").string());
    EXPECT_EQ(shots.request.parts[1].text, "a ring");
    EXPECT_EQ(shots.request.parts[3].text, "é é");
    EXPECT_THAT(shots.ids, ElementsAre("first", (scratch_ / "pictures/b.png").string()));
  }
}

TEST_F(ShotsFile, HasQuestionsAndAnswers) {
  const Shots shots =
      read_shots(file(R"([{"answer": "two", "question": "how many?", "image": "pictures/a.png"}])"), true);
  ASSERT_EQ(shots.request.parts.size(), 3U);
  EXPECT_EQ(shots.request.parts[1].text, "how many?");
  EXPECT_EQ(shots.request.parts[2].text, "two");
}

TEST_F(ShotsFile, MayHaveVideos) {
  const Shots shots = read_shots(
      file(R"({"frames": ["pictures/a.png", "pictures/b.png"], "fps": 2, "caption": "a ring turns"})"),
      false);
  const Part& video = shots.request.parts.at(0);
  EXPECT_EQ(video.kind, Part::Kind::frames);
  EXPECT_THAT(video.pictures[1].path, EndsWith("pictures/b.png"));
  EXPECT_THAT(video.timestamps, ElementsAre(0, 0.5));
  write_file(scratch_ / "clip.mp4", "");
  const Shots clip = read_shots(file(R"({"video": "clip.mp4", "frames": 4, "caption": "a ring"})"), false);
  EXPECT_THAT(clip.request.parts.at(0).pictures.at(0).path, EndsWith("/clip.mp4"));
  EXPECT_THAT(error(R"({"video": "none.mp4", "caption": "a ring"})"),
              HasSubstr("shots.json:1:11: no video file"));
}

TEST_F(ShotsFile, SaysWhereItIsWrong) {
  const std::string good = R"({"image": "pictures/a.png", "caption": "a ring"})";
  EXPECT_THAT(
      error(good + "\n" + R"({"image": "pictures/c.png", "caption": "x"})"),
      testing::AllOf(HasSubstr("shots.json:2:11: "), HasSubstr("no picture file"), HasSubstr("c.png")));
  EXPECT_THAT(error("[" + good + ",\n  {\"image\": \"pictures/a.png\"}]"),
              testing::AllOf(HasSubstr("shots.json:2:3: "), HasSubstr("no `caption`")));
  EXPECT_THAT(error(good + "\n{\"image\" \"pictures/a.png\"}"), HasSubstr("shots.json:2:10"));
  EXPECT_THAT(error(R"({"image": "pictures/a.png", "caption": " "})"),
              testing::AllOf(HasSubstr("shots.json:1:40: "), HasSubstr("not empty")));
  EXPECT_THAT(error(R"({"image": 7, "caption": "x"})"), HasSubstr("shots.json:1:11: expected a text"));
  write_file(scratch_ / "notes.txt", "text");
  for (const char* shot :
       {R"({"image": "notes.txt", "caption": "x"})", R"({"frames":["notes.txt"], "caption": "x"})"})
    EXPECT_THAT(error(shot),
                testing::AllOf(HasSubstr("shots.json:1:1"), HasSubstr("notes.txt' is not a picture")));
  EXPECT_THAT(error(R"({"image": "pictures/a.png", "capton": "x"})"),
              testing::AllOf(HasSubstr("shots.json:1:29: "), HasSubstr("caption")));
  EXPECT_THAT(error(R"({"image": "pictures/a.png", "caption": "x", "text": "y"})"), HasSubstr("one text"));
  EXPECT_THAT(error(R"({"image": "pictures/a.png", "frames": ["pictures/a.png"], "caption": "x"})"),
              HasSubstr("no 'image'"));
  EXPECT_THAT(error(R"({"frames": [], "caption": "x"})"), HasSubstr("shots.json:1:1: "));
  EXPECT_THAT(error(R"({"frames": ["pictures/a.png"], "fps": 0, "caption": "x"})"), HasSubstr("`fps`"));
  EXPECT_THAT(error("[1]"), HasSubstr("shots.json:1:2: a shot must be an object"));
  EXPECT_THAT(error("\n \n"), HasSubstr("no shots"));
  EXPECT_THAT(error("[]"), HasSubstr("no shots"));
  EXPECT_THAT(error(R"({"image": "pictures/a.png", "question": "x?", "caption": "y"})", true),
              HasSubstr("of a model that answers questions has no 'caption'"));
  EXPECT_THAT(error(R"({"image": "pictures/a.png", "question": "x?"})", true), HasSubstr("no `answer`"));
  EXPECT_THAT(error_of([&] { read_shots((scratch_ / "none.json").string(), false); }),
              HasSubstr("none.json"));
}

TEST_F(ShotsFile, GoesBeforeTheOtherShotsOfTheOptions) {
  const std::string picture = (scratch_ / "pictures/b.png").string();
  InputOptions options;
  options.shots_file = file(R"({"image": "pictures/a.png", "caption": "a ring"})");
  options.shots = {picture + "=a square"};
  const Shots shots = shots_of(options, false);
  ASSERT_EQ(shots.request.parts.size(), 4U);
  EXPECT_EQ(shots.request.parts[1].text, "a ring");
  EXPECT_EQ(shots.request.parts[3].text, "a square");
  EXPECT_EQ(shots.ids.size(), 2U);
}

// Shots of a file are put before each request of another file.
TEST_F(ShotsFile, PrecedesTheRequestsOfAFile) {
  const Shots shots = read_shots(file(R"({"image": "pictures/a.png", "caption": "a ring"})"), false);
  const auto requests = scratch_ / "requests.jsonl";
  write_file(requests, R"({"parts": [{"image": "x.png"}], "id": "one"}
{"messages": [{"role": "user", "content": "hello"}], "id": "two"}
)");
  std::vector<Request> taken;
  std::vector<std::string> failed;
  RequestSink sink;
  sink.take = [&](Request request) { taken.push_back(std::move(request)); };
  sink.fail = [&](const std::string& id, const std::string& error) { failed.push_back(id + ": " + error); };
  for_each_request({.request_file = requests.string()}, shots.request, false, sink);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].id, "one");
  EXPECT_EQ(taken[0].parts.size(), 3U);
  EXPECT_THAT(failed,
              ElementsAre(testing::AllOf(HasSubstr("two"), HasSubstr("a conversation can't follow"))));
}

}  // namespace
}  // namespace flam
