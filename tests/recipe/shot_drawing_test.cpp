// Which examples stand before a query, and how their answers are written.
#include "framework/recipe/shot_drawing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "framework/base/text.h"
#include "tests/support/requests.h"

namespace flam {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

/// Thirty questions of three kinds about pictures.
class Questions final : public Dataset {
 public:
  int64_t size() const override { return 30; }
  Record at(int64_t index) const override {
    Record record;
    record.request.id = cat("record ", index);
    record.request.parts = {image_part(cat(index, ".png")), text_part(cat("question ", index))};
    record.kind = cat("kind ", index % 3);
    if (index != 29) record.references = {cat("answer ", index), cat("other ", index)};
    return record;
  }
};

class ShotDrawingTest : public testing::Test {
 protected:
  ShotDrawing drawing() const { return ShotDrawing(config_, questions_); }

  static bool none(int64_t) { return false; }

  std::vector<std::string> texts_of(const Record& record) const {
    std::vector<std::string> texts;
    for (const Part& part : record.request.parts) {
      if (part.kind == Part::Kind::text) texts.push_back(part.text);
    }
    return texts;
  }

  Questions questions_;
  ShotsConfig config_;
};

TEST_F(ShotDrawingTest, DependsOnTheSeedAndTheQuery) {
  const auto drawn = drawing().draw(5, 8, "", none);
  EXPECT_EQ(std::set<int64_t>(drawn.begin(), drawn.end()).size(), 8u);
  EXPECT_EQ(drawing().draw(5, 8, "", none), drawn);
  EXPECT_NE(drawing().draw(6, 8, "", none), drawn);
  const auto fewer = drawing().draw(5, 4, "", none);
  EXPECT_TRUE(std::equal(fewer.begin(), fewer.end(), drawn.begin()));
  config_.seed = 1;
  EXPECT_NE(drawing().draw(5, 8, "", none), drawn);
}

TEST_F(ShotDrawingTest, MayBeOfTheQuerysKind) {
  config_.selection = ShotsConfig::Selection::same_kind;
  EXPECT_EQ(drawing().available("kind 1"), 10);
  EXPECT_EQ(drawing().available("kind 7"), 0);
  for (int64_t query = 0; query < 20; ++query) {
    for (const int64_t record : drawing().draw(query, 10, "kind 1", none)) EXPECT_EQ(record % 3, 1);
  }
  EXPECT_THAT(error_of([&] { drawing().draw(0, 11, "kind 1", none); }),
              HasSubstr("11 shots for a query, but the dataset of the shots has too few records of the kind "
                        "'kind 1' that may stand before it"));
  EXPECT_THAT(error_of([&] { drawing().draw(0, 1, "kind 7", none); }), HasSubstr("of the kind 'kind 7'"));
}

TEST_F(ShotDrawingTest, LeavesOutRecords) {
  const auto odd = [](int64_t record) { return record % 2 == 1; };
  for (const int64_t record : drawing().draw(3, 15, "", odd)) EXPECT_EQ(record % 2, 0);
  EXPECT_THAT(error_of([&] { drawing().draw(3, 16, "", odd); }),
              HasSubstr("16 shots for a query, but the dataset of the shots has too few records that may"));
}

TEST_F(ShotDrawingTest, PutsExamplesBeforeTheQuery) {
  Record query = questions_.at(0);
  query.request.candidates = {"yes", "no"};
  EXPECT_THAT(drawing().put_before({4, 2}, 0, query), ElementsAre("record 4", "record 2"));
  EXPECT_THAT(texts_of(query), ElementsAre("question 4", "answer 4", "question 2", "answer 2", "question 0"));
  ASSERT_EQ(query.request.parts.size(), 8u);
  EXPECT_EQ(query.request.parts[3].pictures.front().path, "2.png");
  EXPECT_EQ(query.request.parts[6].pictures.front().path, "0.png");
  EXPECT_EQ(query.request.id, "record 0");
  EXPECT_THAT(query.references, ElementsAre("answer 0", "other 0"));
  EXPECT_THAT(query.request.candidates, ElementsAre("yes", "no"));
}

TEST_F(ShotDrawingTest, WritesTheAnswersOfAPromptInOneForm) {
  config_.answer_forms = {"it is {answer}", "{answer}!"};
  std::set<std::string> answers;
  for (int64_t number = 0; number < 20; ++number) {
    Record query = questions_.at(0);
    query.request.candidates = {"yes"};
    drawing().put_before({4}, number, query);
    const bool exclaimed = query.references[0] == "answer 0!";
    answers.insert(query.references[0]);
    EXPECT_EQ(query.references[1], exclaimed ? "other 0!" : "it is other 0");
    EXPECT_EQ(query.request.candidates[0], exclaimed ? "yes!" : "it is yes");
    EXPECT_EQ(texts_of(query)[1], exclaimed ? "answer 4!" : "it is answer 4");
    Record again = questions_.at(0);
    drawing().put_before({}, number, again);  // the form does not depend on the number of examples
    EXPECT_EQ(again.references, query.references);
  }
  EXPECT_THAT(answers, ElementsAre("answer 0!", "it is answer 0"));
}

TEST_F(ShotDrawingTest, ExamplesNeedAnswersAndQueriesAreNoConversations) {
  Record query = questions_.at(0);
  EXPECT_THAT(error_of([&] { drawing().put_before({29}, 0, query); }),
              AllOf(HasSubstr("'record 29'"), HasSubstr("no reference to show as its answer")));
  query.request.messages = {{Message::Role::user, 0}};
  EXPECT_THAT(error_of([&] { drawing().put_before({4}, 0, query); }), HasSubstr("conversation"));
}

}  // namespace
}  // namespace flam
