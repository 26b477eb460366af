#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/dataset/shared/tests/sample.h"

namespace flam {
namespace {

using test::ids_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class HatefulMemes : public testing::Test {
 protected:
  test::Sample sample_{"hateful_memes"};
  const std::string dev_ = "{type: hateful_memes, annotations: @dev_seen.jsonl, images: @";
  const std::string test_ = "{type: hateful_memes, annotations: @test_seen.jsonl, images: @}";
};

TEST_F(HatefulMemes, LabelsAreAnswers) {
  const auto dataset = sample_.open(dev_ + "}", {.with_question = true, .with_candidates = true});
  ASSERT_THAT(ids_of(*dataset), ElementsAre("8291", "46971"));
  const Record record = dataset->at(0);
  EXPECT_EQ(sample_.picture(record), "img/08291.png");
  EXPECT_EQ(record.request.parts.at(1).text,
            "is an image with: 'a square is not welcome' written on it. Is it hateful?");
  EXPECT_THAT(record.request.candidates, ElementsAre("no", "yes"));
  EXPECT_THAT(record.references, ElementsAre("yes"));
  EXPECT_THAT(dataset->at(1).references, ElementsAre("no"));
  EXPECT_EQ(record.facts.find("image_id")->as_int(), 8291);
}

TEST_F(HatefulMemes, QuestionAndCandidatesAreParameters) {
  const auto dataset = sample_.open(dev_ + ", question: 'Hateful: {text}', candidates: [fine, mean]}",
                                    {.with_question = true, .with_candidates = true});
  EXPECT_EQ(dataset->at(1).request.parts.at(1).text, "Hateful: what a lovely square");
  EXPECT_THAT(dataset->at(1).request.candidates, ElementsAre("fine", "mean"));
  EXPECT_THAT(dataset->at(1).references, ElementsAre("fine"));
  const Record bare = sample_.open(dev_ + "}")->at(0);
  EXPECT_EQ(bare.request.parts.size(), 1u);
  EXPECT_TRUE(bare.request.candidates.empty());
  EXPECT_THAT(sample_.error(dev_ + ", candidates: [no, maybe, yes]}"), HasSubstr("`candidates` has 3 texts"));
  EXPECT_THAT(sample_.error(dev_ + ", question: '{words}'}", {.with_question = true}),
              HasSubstr("has the unknown name 'words'; expected text with {text}"));
}

TEST_F(HatefulMemes, TestSetsHaveNoLabels) {
  const auto dataset = sample_.open(test_, {.with_question = true});
  ASSERT_EQ(dataset->size(), 1);
  EXPECT_TRUE(dataset->at(0).references.empty());
  EXPECT_THAT(dataset->at(0).request.parts.at(1).text, HasSubstr("'squares, \"everywhere\"'"));
}

TEST_F(HatefulMemes, BadLinesAreOneErrorWithTheirPlace) {
  const auto broken = [&](const std::string& from, const std::string& to) {
    test::Sample sample("hateful_memes");
    sample.replace("dev_seen.jsonl", from, to);
    return sample.error(dev_ + "}");
  };
  EXPECT_THAT(broken("\"label\": 0", "\"label\": 2"),
              AllOf(HasSubstr("dev_seen.jsonl:2:1: record 2: `label` is 2; expected 0 or 1")));
  EXPECT_THAT(broken("\"label\": 0", "\"label\": \"no\""),
              HasSubstr("expected `label` with an integer; found \"no\""));
  EXPECT_THAT(broken("\"label\": 0", "\"level\": 0"),
              HasSubstr(":2:1: record 2: some records have a `label`"));
  EXPECT_THAT(broken("46971", "8291"), HasSubstr(":2:1: the id '8291' is already that of the record at "));
  EXPECT_THAT(broken("{\"id\": 46971", "[]\n{\"id\": 46971"),
              HasSubstr(":2:1: record 2: expected `id` with an integer or a text that is not empty; the "
                        "record is no object"));
  EXPECT_THAT(broken("\"img\": \"img/46971", "\"img\" \"img/46971"),
              HasSubstr("dev_seen.jsonl:2:35: not JSON: "));
  EXPECT_THAT(broken("{\"id\": 46971", std::string(40, '[')),
              HasSubstr(":2:1: the JSON is nested more than 32"));
}

}  // namespace
}  // namespace flam
