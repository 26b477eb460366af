#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/dataset/shared/tests/sample.h"

namespace flam {
namespace {

using test::ids_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr Dataset::Input kAsking = {.with_question = true, .with_candidates = true};

class JsonRecords : public testing::Test {
 protected:
  static std::string of(const std::string& file, const std::string& more) {
    return "{type: json_records, images: @pictures, annotations: @" + file + more + "}";
  }

  test::Sample sample_{"json_records"};
  const std::string names_ = ", columns: {image: file, question: prompt}";
  const std::string csv_ =
      of("records.csv", ", separator: '|', columns: {image: file, question: prompt, kind: group}");
};

TEST_F(JsonRecords, Csv) {
  const auto dataset = sample_.open(csv_, kAsking);
  ASSERT_THAT(ids_of(*dataset), ElementsAre("1", "2"));
  EXPECT_EQ(sample_.picture(dataset->at(0)), "pictures/a.png");
  EXPECT_EQ(dataset->at(0).request.parts.at(1).text, "What is it, \"really\"?");
  EXPECT_THAT(dataset->at(0).references, ElementsAre("square", "a square"));
  EXPECT_EQ(dataset->at(1).request.parts.at(1).text, "How\nmany?");
  EXPECT_EQ(dataset->at(1).kind, "count");
  EXPECT_EQ(dataset->at(1).facts.find("question_id"), nullptr);
  EXPECT_EQ(sample_.open(csv_)->at(0).request.parts.size(), 1u);
  EXPECT_THAT(sample_.open(of("records.csv", names_), kAsking)->at(0).references,
              ElementsAre("square|a square"));
  sample_.write("records.tsv", "image\tanswers\nc.png\tred, I think\n\n");
  EXPECT_THAT(sample_.open(of("records.tsv", ""))->at(0).references, ElementsAre("red, I think"));
}

TEST_F(JsonRecords, JsonLines) {
  const auto dataset = sample_.open(
      of("records.jsonl", ", columns: {image: file, question: prompt, candidates: choices, id: key}"),
      kAsking);
  ASSERT_THAT(ids_of(*dataset), ElementsAre("7", "8"));
  EXPECT_THAT(dataset->at(1).references, ElementsAre("red"));
  EXPECT_THAT(dataset->at(1).request.candidates, ElementsAre("red", "blue"));
  EXPECT_EQ(dataset->at(1).facts.find("question_id")->as_int(), 8);
}

TEST_F(JsonRecords, JsonWithNestedFields) {
  const auto dataset = sample_.open(
      of("records.json", ", list: rows, columns: {image: file, question: meta.prompt}"), kAsking);
  ASSERT_THAT(ids_of(*dataset), ElementsAre("1", "2"));
  EXPECT_EQ(dataset->at(1).request.parts.at(1).text, "How many?");
  EXPECT_THAT(sample_.error(of("records.json", "")), HasSubstr("the document is an object; expected a list"));
  EXPECT_THAT(sample_.error(of("records.json", ", list: row")),
              HasSubstr("has no list 'row', which `list` names"));
  sample_.write("records.json", R"([{"image": "a.png"}])");
  EXPECT_TRUE(sample_.open(of("records.json", ""))->at(0).references.empty());
}

TEST_F(JsonRecords, TheFormatIsThatOfTheNameOrOfTheParameter) {
  std::filesystem::rename(sample_ / "records.jsonl", sample_ / "records.txt");
  EXPECT_THAT(sample_.error(of("records.txt", names_)), HasSubstr("name its `format`"));
  EXPECT_EQ(sample_.open(of("records.txt", ", format: jsonl, columns: {image: file}"))->size(), 2);
}

TEST_F(JsonRecords, MissingColumnsAreNamed) {
  EXPECT_THAT(sample_.error(of("records.csv", "")),
              AllOf(HasSubstr("records.csv:2:1: record 1: it has no `image`"),
                    HasSubstr("(here: answers, file, group, prompt)")));
  EXPECT_THAT(sample_.error(of("records.csv", ", columns: {image: file, answers: answer}")),
              HasSubstr("it has no `answer`; did you mean 'answers'?"));
  EXPECT_THAT(sample_.error(of("records.csv", ", columns: {image: file}"), kAsking),
              HasSubstr("it has no `question`"));
  sample_.write("records.jsonl", "{\"image\": \"a.png\", \"answers\": \"x\"}\n{\"image\": \"b.png\"}\n");
  EXPECT_THAT(sample_.error(of("records.jsonl", "")),
              HasSubstr("records.jsonl:2:1: record 2: it has no `answers`, which is in the first record"));
  sample_.write("records.jsonl", "{\"image\": \"a.png\", \"candidates\": [\"x\"]}\n");
  EXPECT_THAT(sample_.error(of("records.jsonl", ""), {.with_candidates = true}),
              HasSubstr("expected at least two texts in `candidates`"));
}

TEST_F(JsonRecords, BadCsvIsOneErrorWithItsPlace) {
  const auto broken = [&](const std::string& text) {
    sample_.write("records.csv", text);
    return sample_.error(of("records.csv", ""));
  };
  EXPECT_THAT(broken("image,id\na.png,1\nb.png\n"),
              HasSubstr("records.csv:3:1: record 2 has 1 cell, but there are 2"));
  EXPECT_THAT(broken("image,id\na.png,\"1\n"), HasSubstr("records.csv:2:7: this quote is never closed"));
  EXPECT_THAT(broken("image,id\na.png,\"1\"2\n"),
              HasSubstr("records.csv:2:10: text behind the closing quote"));
  EXPECT_THAT(broken("image,id\na\"b.png,1\n"), HasSubstr("records.csv:2:2: a quote in a cell"));
  EXPECT_THAT(broken("image,image\n"), HasSubstr("names of columns, each different; found 'image, image'"));
  EXPECT_THAT(broken("image,id\n\xff.png,1\n"), HasSubstr("is not UTF-8"));
  EXPECT_THAT(broken("\n"), HasSubstr("the file is empty"));
  EXPECT_THAT(broken("image\n"), HasSubstr("has no records"));
  EXPECT_THAT(broken("image,id\na.png,1\r\na.png,1\r\n"),
              HasSubstr("records.csv:3:1: the id '1' is already that of"));
}

}  // namespace
}  // namespace flam
