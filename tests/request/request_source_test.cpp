// The requests that a sink gets for given options.
#include "framework/request/request_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class RequestSource : public testing::Test {
 protected:
  RequestSource() {
    sink_.expect = [this](int64_t count) { expected_ = count; };
    sink_.take = [this](Request request) { taken_.push_back(std::move(request)); };
    sink_.fail = [this](const std::string& id, const std::string& error) {
      failed_.push_back(id + ": " + error);
    };
    sink_.left_out = [this](const std::string& summary) { left_out_ = summary; };
  }
  std::vector<std::string> ids() const {
    std::vector<std::string> ids;
    for (const Request& request : taken_) ids.push_back(request.id);
    return ids;
  }
  std::string add(const std::string& name, const std::string& bytes = "P1 1 1 1") {
    std::filesystem::create_directories((scratch_ / name).parent_path());
    write_file(scratch_ / name, bytes);
    return (scratch_ / name).string();
  }
  std::string refusal(const InputOptions& options, bool needs_question = false) {
    return error_of([&] { for_each_request(options, needs_question, sink_); });
  }

  test::Scratch scratch_;
  RequestSink sink_;
  std::vector<Request> taken_;
  std::vector<std::string> failed_;
  std::string left_out_;
  int64_t expected_ = -1;
};

TEST_F(RequestSource, MistakesAreFoundWithoutAModel) {
  const auto refusal = [](const InputOptions& options) { return error_of([&] { check_inputs(options); }); };
  const std::string picture = add("a.pbm");
  EXPECT_EQ(refusal({.images = {picture, "/no/such.png"}}), "");  // an outcome of its own
  EXPECT_EQ(refusal({.images = {"-"}}), "");
  EXPECT_EQ(refusal({.images = {"/no/a.png", "/no/b.png"}}),
            "no picture file '/no/a.png'\nno picture file '/no/b.png'");
  EXPECT_THAT(refusal({.images = {"https://x.org/a.png"}}), HasSubstr("'https://x.org/a.png' is a URL"));
  EXPECT_THAT(refusal({.request_file = "/no/r.jsonl"}), HasSubstr("--request '/no/r.jsonl': no such file"));
  EXPECT_EQ(refusal({.request_file = picture}), "");
}

TEST_F(RequestSource, FindsPicturesWithAnySuffix) {
  const std::string folder = FLAM_SOURCE_DIR "/tests/request/suffixes";
  for_each_request({.images = {folder}}, false, sink_);
  EXPECT_THAT(ids(),
              ElementsAre(folder + "/a.png", folder + "/b.jfif", folder + "/c.jpe", folder + "/d.JPG_large",
                          folder + "/e.pbm", folder + "/f.dib", folder + "/g.heic"));
  EXPECT_EQ(left_out_, "");
  EXPECT_EQ(expected_, 7);
}

TEST_F(RequestSource, SummarisesOnceWhatAllFoldersHaveBesidesPictures) {
  for (const char* name : {"a/1.png", "a/sub/3.png", "b/2.png"}) add(name);
  for (const char* name : {"a/notes.txt", "a/more.txt", "b/x.json"}) add(name, "text");
  for_each_request({.images = {(scratch_ / "a").string(), (scratch_ / "b").string()}}, false, sink_);
  EXPECT_THAT(ids(), ElementsAre((scratch_ / "a/1.png").string(), (scratch_ / "b/2.png").string()));
  EXPECT_EQ(left_out_,
            "left out 3 files that are not pictures: 2 .txt, 1 .json; 1 subfolder (--recursive enters it)");
  EXPECT_EQ(expected_, 2);
}

TEST_F(RequestSource, AFolderWithoutPicturesFailsAlone) {
  const std::string picture = add("1.png");
  add("empty/notes.txt", "text");
  const std::string empty = (scratch_ / "empty").string();
  for_each_request({.images = {empty, picture}}, false, sink_);
  EXPECT_THAT(failed_, ElementsAre(empty + ": no pictures in folder '" + empty +
                                   "' (--recursive also searches its subfolders)"));
  EXPECT_THAT(ids(), ElementsAre(picture));
  EXPECT_EQ(expected_, 2);
}

TEST_F(RequestSource, TheIdOfAPathThatIsNotUtf8NamesTheFile) {
  const std::string folder = scratch_.path().string();
  add("caf\xe9.pbm");
  for_each_request({.images = {folder}}, false, sink_);
  EXPECT_THAT(ids(), ElementsAre("file://" + folder + "/caf%E9.pbm"));

  const std::string line = cat("{\"parts\": [{\"image\": \"", taken_.front().id, "\"}]}\n");
  const std::string requests = add("r\xe9.jsonl", line + "{}\n");
  for_each_request({.request_file = requests}, false, sink_);
  ASSERT_EQ(taken_.size(), 2u);
  EXPECT_EQ(taken_[1].parts.at(0).pictures.at(0).path, folder + "/caf\xe9.pbm");
  EXPECT_EQ(taken_[1].id, taken_[0].id);
  EXPECT_THAT(failed_, ElementsAre(StartsWith("file://" + folder + "/r%E9.jsonl:2: ")));
}

TEST_F(RequestSource, AShotMayBeAVideo) {
  const std::string shot = add("clip.mp4", "no picture"), picture = add("1.png");
  for_each_request({.images = {picture}, .shots = {shot + "=a dance"}}, false, sink_);
  ASSERT_EQ(taken_.size(), 1u);
  const Request& request = taken_.front();
  ASSERT_EQ(request.parts.size(), 3u);
  EXPECT_EQ(request.parts[0].kind, Part::Kind::frames);
  EXPECT_EQ(request.parts[0].pictures.at(0).path, shot);
  EXPECT_EQ(request.parts[1].text, "a dance");
  EXPECT_EQ(request.parts[2].kind, Part::Kind::image);
}

TEST_F(RequestSource, EveryPictureComesAfterTheShots) {
  const std::string shot = add("a=b.png"), picture = add("1.png");
  for_each_request(
      {.images = {picture}, .question = "Who?", .shots = {shot + "=What?=>A dog=x"}, .candidates = {"a"}},
      true, sink_);
  ASSERT_EQ(taken_.size(), 1u);
  const Request& request = taken_.front();
  ASSERT_EQ(request.parts.size(), 5u);
  EXPECT_EQ(request.parts[0].pictures.at(0).path, shot);
  EXPECT_EQ(request.parts[1].text, "What?");
  EXPECT_EQ(request.parts[2].text, "A dog=x");
  EXPECT_EQ(request.parts[3].pictures.at(0).path, picture);
  EXPECT_EQ(request.parts[4].text, "Who?");
  EXPECT_EQ(request.id, picture);
  EXPECT_THAT(request.candidates, ElementsAre("a"));
}

TEST_F(RequestSource, MessagesNameTheMistake) {
  const std::string picture = add("1.png");
  EXPECT_THAT(refusal({}), HasSubstr("no picture given"));
  EXPECT_THAT(refusal({.images = {"-", "-"}}), HasSubstr("`-` was given more than once"));
  EXPECT_THAT(refusal({.images = {picture}}, true), HasSubstr("give one with --question"));
  EXPECT_THAT(refusal({.images = {picture}, .question = "x"}), HasSubstr("takes a picture alone"));
  EXPECT_THAT(refusal({.images = {picture}, .shots = {picture}}), HasSubstr("has no '='"));
  EXPECT_THAT(refusal({.images = {picture}, .shots = {"none.png=x"}}),
              HasSubstr("no picture file before '='"));
  EXPECT_THAT(refusal({.images = {picture}, .shots = {picture + "=\xff"}}),
              HasSubstr("--shot '\\xff': not UTF-8"));
  EXPECT_THAT(refusal({.images = {picture}, .candidates = {"\xff"}}), HasSubstr("--candidate '\\xff'"));
  EXPECT_THAT(refusal({.images = {picture}, .request_file = "x"}),
              HasSubstr("--request holds whole requests"));
  EXPECT_THAT(refusal({.request_file = "none.jsonl"}), HasSubstr("no such file"));
  EXPECT_THAT(refusal({.request_file = add("empty.jsonl", " \n")}), HasSubstr("no requests"));
  EXPECT_TRUE(taken_.empty());
}

TEST_F(RequestSource, ALineThatIsTooLongFailsAlone) {
  const std::string good = R"({"parts": [{"text": "x"}], "id": "7"})";
  const std::string file = add("r.jsonl", good + "\n" + std::string(17 << 20, ' ') + "x\n\n" + good);
  for_each_request({.request_file = file}, false, sink_);
  EXPECT_THAT(ids(), ElementsAre("7", "7"));
  EXPECT_EQ(taken_.back().source, file + ":4");
  EXPECT_THAT(failed_, ElementsAre(HasSubstr(":2: a line of 17825793 bytes; at most 16777216 are taken")));
}

TEST_F(RequestSource, EndsWhenItIsStopped) {
  add("1.png");
  add("2.png");
  sink_.stopped = [this] { return !taken_.empty(); };
  for_each_request({.images = {scratch_.path().string()}}, false, sink_);
  EXPECT_EQ(taken_.size(), 1u);
}

}  // namespace
}  // namespace flam
