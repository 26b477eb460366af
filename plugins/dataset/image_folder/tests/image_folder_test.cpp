#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "framework/base/file.h"
#include "framework/component/dataset.h"
#include "framework/testing/component.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class ImageFolder : public testing::Test {
 protected:
  /// A dataset whose annotations file has these `lines`.
  Built<Dataset> open(const std::string& lines, const Dataset::Input& input = {}) const {
    write_file(folder_ / "annotations.jsonl", lines);
    return open_folder(input);
  }
  Built<Dataset> open_folder(const Dataset::Input& input, const std::string& annotations = "") const {
    Value params = Value::map();
    params.set("type", "image_folder");
    params.set("folder", folder_.path().string());
    if (!annotations.empty()) params.set("annotations", annotations);
    return Built<Dataset>(params, input);
  }
  std::string error(const std::string& lines, const Dataset::Input& input = {}) const {
    return test::error_of([&] { open(lines, input); });
  }

  test::Scratch folder_;
};

const std::string kTwoCaptions =
    R"({"image": "a.png", "references": ["a red circle"]})"
    "\n"
    R"({"image": "sub/b.png", "references": ["a cat", "the cat"], "question": "not for captions"})"
    "\n";

TEST_F(ImageFolder, CaptionsInTheOrderOfTheFile) {
  const auto dataset = open(kTwoCaptions);
  ASSERT_EQ(dataset->size(), 2);
  const Record record = dataset->at(1);
  EXPECT_EQ(record.request.id, (folder_ / "sub/b.png").string());
  ASSERT_EQ(record.request.parts.size(), 1u);
  EXPECT_EQ(record.request.parts[0].kind, Part::Kind::image);
  EXPECT_EQ(record.request.parts[0].pictures.at(0).path, (folder_ / "sub/b.png").string());
  EXPECT_THAT(record.references, ElementsAre("a cat", "the cat"));
  EXPECT_TRUE(dataset->patch_label_classes().empty());
  EXPECT_TRUE(dataset->media_label_classes().empty());
}

TEST_F(ImageFolder, QuestionsFollowTheirPicture) {
  const auto dataset =
      open(R"({"image": "a.png", "question": "What?", "references": ["4"]})", {.with_question = true});
  const Record record = dataset->at(0);
  ASSERT_EQ(record.request.parts.size(), 2u);
  EXPECT_EQ(record.request.parts[1].kind, Part::Kind::text);
  EXPECT_EQ(record.request.parts[1].text, "What?");
}

TEST_F(ImageFolder, QuestionsMayBringTheirCandidates) {
  const auto dataset =
      open(R"({"image": "a.png", "question": "What?", "references": ["4"], "candidates": ["4", "5"]})"
           "\n"
           R"({"image": "a.png", "question": "What?", "references": ["4"]})",
           {.with_question = true, .with_candidates = true});
  EXPECT_THAT(dataset->at(0).request.candidates, ElementsAre("4", "5"));
  EXPECT_EQ(dataset->at(0).request.parts[1].text, "What?");
  EXPECT_TRUE(dataset->at(1).request.candidates.empty());
  EXPECT_THAT(error(R"({"image": "a.png", "references": ["4"], "candidates": []})"),
              HasSubstr(":1: expected `candidates` with a list of at least one text"));
  EXPECT_THAT(error(R"({"image": "a.png", "references": ["4"], "candidates": ["4"]})"),
              HasSubstr(":1: `candidates` must have at least two texts"));
  EXPECT_TRUE(open(R"({"image": "a.png", "references": ["4"], "candidates": ["4", "5"]})")
                  ->at(0)
                  .request.candidates.empty());  // this task head does not choose among candidates
}

TEST_F(ImageFolder, EmptyLinesAndLineEndsOfWindowsAreSkipped) {
  const auto dataset = open("\n \t\r\n{\"image\": \"a.png\", \"references\": [\"x\"]}\r\n\r\n");
  EXPECT_EQ(dataset->size(), 1);
  EXPECT_THAT(dataset->at(0).references, ElementsAre("x"));
}

TEST_F(ImageFolder, RecordsBeyondTheLimitAreNotRead) {
  EXPECT_EQ(open(kTwoCaptions, {.limit = 1})->size(), 1);
  EXPECT_EQ(open(kTwoCaptions + "not JSON\n", {.limit = 2})->size(), 2);
  EXPECT_EQ(open(kTwoCaptions, {.limit = 3})->size(), 2);
}

TEST_F(ImageFolder, TheAnnotationsMayHaveAnotherName) {
  write_file(folder_ / "test.jsonl", kTwoCaptions);
  EXPECT_EQ(open_folder({}, "test.jsonl")->size(), 2);
  EXPECT_THAT(
      test::error_of([&] { open_folder({}); }),
      AllOf(HasSubstr("has no subfolder; expected at least two"), HasSubstr("dataset 'image_folder'")));
  EXPECT_THAT(test::error_of([&] { open_folder({}, "absent.jsonl"); }),
              HasSubstr("absent.jsonl': No such file"));
}

TEST_F(ImageFolder, FilesThatWouldExhaustMemoryAreRefused) {
  const auto of_file = [&](const std::string& name) {
    return test::error_of([&] { open_folder({}, name); });
  };
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(of_file("pipe"), HasSubstr("it is not a regular file"));
  EXPECT_THAT(of_file("/dev/zero"), HasSubstr("it is not a regular file"));
  EXPECT_THAT(of_file("."), HasSubstr("it is a folder"));
  EXPECT_THAT(error("\n" + std::string((size_t{16} << 20) + 1, 'x')),
              HasSubstr(":2: the line has more than 16777216 bytes"));
  EXPECT_THAT(error(std::string(1'000'000, '[')), HasSubstr(":1: the JSON is nested too deeply"));
  EXPECT_THAT(error("{\"image\": \"a.png\\u0000.jpg\", \"references\": [\"x\"]}"),
              HasSubstr("`image` must be a path, found 'a.png\\x00.jpg'"));
  write_file(folder_ / "a\x1b.jsonl", "3");
  EXPECT_THAT(of_file("a\x1b.jsonl"), HasSubstr("a\\x1b.jsonl:1: expected `image` with a text"));
}

TEST_F(ImageFolder, ErrorsNameTheLine) {
  EXPECT_THAT(error(""), HasSubstr("annotations.jsonl' has no records"));
  EXPECT_THAT(error("\n{\"image\":"), HasSubstr("annotations.jsonl:2: not JSON; expected {\"image\": FILE"));
  EXPECT_THAT(error("[1]"), HasSubstr(":1: expected `image` with a text"));
  EXPECT_THAT(error("{}"), HasSubstr(":1: expected `image` with a text"));
  EXPECT_THAT(error(R"({"image": 7, "references": ["x"]})"), HasSubstr(":1: expected `image` with a text"));
  EXPECT_THAT(error(R"({"image": "a.png", "references": ["x"]})", {.with_question = true}),
              HasSubstr(":1: expected `question` with a text"));
  for (const char* references : {"", R"(, "references": "x")", R"(, "references": [])"}) {
    EXPECT_THAT(error(std::string(R"({"image": "a.png")") + references + "}"),
                HasSubstr(":1: expected `references` with a list of at least one text"));
  }
  EXPECT_THAT(error(R"({"image": "a.png", "references": ["x", 1]})"),
              HasSubstr(":1: `references` must be a list of texts"));
}

}  // namespace
}  // namespace flam
