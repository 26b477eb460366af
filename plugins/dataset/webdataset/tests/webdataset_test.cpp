#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/dataset/shared/tests/sample.h"

namespace flam {
namespace {

using test::ids_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

/// A header of a file of `size` bytes (ustar).
std::string header(const std::string& name, size_t size, char type = '0') {
  std::string block(512, '\0');
  const auto put = [&](size_t at, const std::string& text) { block.replace(at, text.size(), text); };
  char digits[13];
  std::snprintf(digits, sizeof digits, "%011zo", size);
  put(0, name);
  put(124, digits);
  put(148, "        ");
  block[156] = type;
  put(257, std::string("ustar\0"
                       "00",
                       8));
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  std::snprintf(digits, sizeof digits, "%06o", sum);
  put(148, std::string(digits, 7));
  return block;
}

std::string member(const std::string& name, const std::string& content, char type = '0') {
  return header(name, content.size(), type) + content + std::string((512 - content.size() % 512) % 512, '\0');
}

class WebDataset : public testing::Test {
 protected:
  static std::string shards(const std::string& name, const std::string& more = "") {
    return "{type: webdataset, shards: '@" + name + "'" + more + "}";
  }
  std::string error_of(const std::string& archive, const std::string& more = "",
                       const Dataset::Input& input = {}) {
    sample_.write("bad.tar", archive);
    return sample_.error(shards("bad.tar", more), input);
  }

  test::Sample sample_{"webdataset"};
  const std::string end_ = std::string(1024, '\0');
};

TEST_F(WebDataset, CaptionsOfOneShard) {
  const auto dataset = sample_.open(shards("captions-000000.tar"));
  ASSERT_THAT(ids_of(*dataset), ElementsAre("captions-000000/000000000", "captions-000000/000000001"));
  const Record record = dataset->at(1);
  EXPECT_THAT(record.references, ElementsAre("un café"));
  const PictureSource& picture = record.request.parts.at(0).pictures.at(0);
  EXPECT_THAT(*picture.bytes, testing::StartsWith("\xff\xd8\xff"));
  EXPECT_THAT(*picture.bytes, testing::EndsWith("\xff\xd9"));
  EXPECT_THAT(picture.path, testing::EndsWith("captions-000000.tar/000000001.jpg"));
}

TEST_F(WebDataset, RangesAndFoldersNameSeveralShards) {
  const auto dataset = sample_.open(shards("captions-{000000..000001}.tar"));
  ASSERT_EQ(dataset->size(), 4);
  EXPECT_THAT(dataset->at(2).references, ElementsAre("a long name"));
  EXPECT_THAT(dataset->at(2).request.id,
              AllOf(testing::StartsWith("captions-000001/deep/deep/"), testing::EndsWith("xxx")));
  EXPECT_EQ(dataset->at(3).request.id, "captions-000001/ä");
  EXPECT_EQ(sample_.open(shards(""))->size(), 6);
  EXPECT_EQ(sample_.open(shards("", ", limit: 3"))->size(), 3);
  EXPECT_EQ(ids_of(*sample_.open(shards("", ", shuffle: true"), {.seed = 3})),
            ids_of(*sample_.open(shards("", ", shuffle: true, seed: 3"))));
  EXPECT_THAT(sample_.error(shards("captions-{1..0}.tar")), HasSubstr("'1..0' is not a range"));
  EXPECT_THAT(sample_.error(shards("captions-{0..999999999}.tar")), HasSubstr("more than 100000 files"));
  EXPECT_THAT(sample_.error(shards("captions-{000000..000002}.tar")),
              HasSubstr("captions-000002.tar': No such file"));
  std::filesystem::create_directory(sample_ / "empty");
  EXPECT_THAT(sample_.error(shards("empty")), HasSubstr("has no .tar files"));
}

TEST_F(WebDataset, LongNamesOfGnu) {
  const auto dataset = sample_.open(shards("gnu.tar"));
  ASSERT_EQ(dataset->size(), 1);
  EXPECT_THAT(dataset->at(0).references, ElementsAre("a GNU name"));
  EXPECT_EQ(dataset->at(0).request.id.size(), std::string("gnu/").size() + 25 * 5 + 80);
}

TEST_F(WebDataset, QuestionsAreInTheJson) {
  const auto dataset = sample_.open(shards("vqa-000000.tar"), {.with_question = true});
  ASSERT_THAT(ids_of(*dataset), ElementsAre("vqa-000000/a/1"));
  const Record record = dataset->at(0);
  EXPECT_EQ(record.request.parts.at(1).text, "What is it?");
  EXPECT_THAT(record.references, ElementsAre("square", "a square"));
  EXPECT_EQ(record.facts.find("question_id")->as_int(), 5);
  EXPECT_THAT(sample_.error(shards("vqa-000000.tar", ", question: q"), {.with_question = true}),
              HasSubstr("vqa-000000.tar', sample 'a/1': expected `q` with a text; it is missing"));
  EXPECT_THAT(sample_.error(shards("captions-000001.tar"), {.with_question = true}),
              HasSubstr("the sample has no .json with a question"));
}

TEST_F(WebDataset, OtherMembersAreLeftOut) {
  sample_.write("odd.tar", member("d/", "", '5') + member("d/a.PNG", "p") + member("d/a.cls", "3") +
                               member("d/a.seg.png", "s") + member("d/.hidden.png", "h") +
                               member("d/a.txt", "x\r\n") + member("link.png", "", '2') +
                               member("README", "r"));  // without an end
  const auto dataset = sample_.open(shards("odd.tar"));
  ASSERT_THAT(ids_of(*dataset), ElementsAre("odd/d/a"));
  EXPECT_EQ(*dataset->at(0).request.parts.at(0).pictures.at(0).bytes, "p");
  EXPECT_THAT(dataset->at(0).references, ElementsAre("x"));
  EXPECT_EQ(
      *sample_.open(shards("odd.tar", ", image: [seg.png]"))->at(0).request.parts.at(0).pictures.at(0).bytes,
      "s");
}

TEST_F(WebDataset, SamplesWithoutPictureAreAnErrorOrSkipped) {
  const std::string archive = member("a.txt", "a") + member("b.png", "p") + member("b.txt", "b") + end_;
  EXPECT_THAT(error_of(archive),
              AllOf(HasSubstr("bad.tar', sample 'a': the sample has no picture"), HasSubstr("skip_missing")));
  const auto dataset = sample_.open(shards("bad.tar", ", skip_missing: true"));
  EXPECT_THAT(ids_of(*dataset), ElementsAre("bad/b"));
  EXPECT_EQ(dataset->skipped(), 1);
  EXPECT_THAT(error_of(member("a.txt", "a"), ", skip_missing: true"),
              HasSubstr("none of the 1 samples has a picture"));
}

TEST_F(WebDataset, BadArchivesAreOneErrorWithTheirPlace) {
  const std::string good = member("a.png", "p") + member("a.txt", "a");
  EXPECT_THAT(error_of(""), HasSubstr("the file is empty"));
  EXPECT_THAT(error_of(end_), HasSubstr("have no samples"));
  EXPECT_THAT(error_of("\x1f\x8b" + good), HasSubstr("is compressed; unpack it to a plain .tar"));
  EXPECT_THAT(error_of(good + std::string(600, 'x')),
              HasSubstr("bad.tar', byte 2048: this is not the header of a file"));
  EXPECT_THAT(error_of(good + "x"), HasSubstr("byte 2048: the archive is truncated in a header"));
  EXPECT_THAT(error_of(good + header("b.png", 5000)),
              HasSubstr("byte 2048: the content of 5000 bytes goes beyond"));
  EXPECT_THAT(error_of(good + member("b.png", "p", 'S')), HasSubstr("byte 2048: sparse files"));
  EXPECT_THAT(error_of(good + member("x", "9 path=b\n", 'x')), testing::Eq(""));
  EXPECT_THAT(error_of(good + member("x", "99 path=b\n", 'x')), HasSubstr("a pax header is damaged"));
  EXPECT_THAT(error_of(good + member("x", "99999999 path=b\n", 'x')), HasSubstr("a pax header is damaged"));
  EXPECT_THAT(error_of(good + member("a.PNG", "q")), HasSubstr("'a.PNG' is a second picture in its sample"));
  EXPECT_THAT(error_of(good + member("b.png", "q") + member("a.json", "{}")),
              HasSubstr("'a.json' is apart from the other members of its sample"));
  EXPECT_THAT(error_of(member("a.png", "p") + member("a.json", "{")),
              HasSubstr("sample 'a': its .json is not JSON"));
  EXPECT_THAT(error_of(member("a.png", "p") + member("a.json", "[]")),
              HasSubstr("sample 'a': expected an object"));
}

}  // namespace
}  // namespace flam
