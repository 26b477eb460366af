#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/base/random.h"
#include "framework/component/metric.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

using testing::ElementsAre;
using testing::Pair;

struct Case {
  std::vector<std::string> references;
  std::string answer;
};

Metric::Scores score(const std::vector<Case>& cases, Value params = Value::map()) {
  params.set("type", "exact_match");
  const Built<Metric> metric(params);
  const auto accumulator = metric->start();
  for (const Case& one : cases) {
    Record record;
    record.references = one.references;
    accumulator->add(record, {one.answer});
  }
  return accumulator->scores();
}

Value setting(const char* name, bool value) {
  Value params = Value::map();
  params.set(name, value);
  return params;
}

TEST(ExactMatch, CountsTheAnswersThatEqualAnyReference) {
  EXPECT_THAT(score({{{"red", "crimson"}, "crimson"}, {{"4"}, "5"}, {{"yes"}, "yes"}, {{"a cat"}, "a"}}),
              ElementsAre(Pair("exact", 0.5)));
}

TEST(ExactMatch, NoAnswersScoreZero) {
  EXPECT_THAT(score({}), ElementsAre(Pair("exact", 0.0)));
}

TEST(ExactMatch, ARecordWithoutReferencesIsAnError) {
  EXPECT_THROW(score({{{}, "anything"}}), Error);
}

TEST(ExactMatch, WhitespaceAtTheEndsIsIgnoredUnlessStripIsFalse) {
  const std::vector<Case> cases = {
      {{"a cat\n"}, " \ta cat"}, {{"a cat"}, "a  cat"}, {{" "}, ""}, {{""}, "\r\n"}};
  EXPECT_THAT(score(cases), ElementsAre(Pair("exact", 0.75)));
  EXPECT_THAT(score(cases, setting("strip", false)), ElementsAre(Pair("exact", 0.0)));
}

TEST(ExactMatch, CaseMattersUnlessIgnored) {
  const std::vector<Case> cases = {
      {{"Zebra"}, "zEBRA"}, {{"Ä"}, "ä"}, {{"[A]"}, "[a]"}, {{"@"}, "`"}, {{"\xff\xc3"}, "\xff\xc4"}};
  EXPECT_THAT(score(cases), ElementsAre(Pair("exact", 0.0)));
  EXPECT_THAT(score(cases, setting("ignore_case", true)), ElementsAre(Pair("exact", 0.6)));
}

TEST(ExactMatch, ArticlesMatterUnlessIgnored) {
  const std::vector<Case> cases = {
      {{"brick"}, "a brick"}, {{"the owl on a bed"}, "an owl on bed"}, {{"animal"}, "an"}, {{"nut"}, "anut"}};
  EXPECT_THAT(score(cases), ElementsAre(Pair("exact", 0.0)));
  EXPECT_THAT(score(cases, setting("ignore_articles", true)), ElementsAre(Pair("exact", 0.5)));
}

TEST(ExactMatch, PunctuationMattersUnlessIgnored) {
  const std::vector<Case> cases = {
      {{"no, thanks"}, "no thanks!"}, {{"red/blue"}, "red blue"}, {{"1000"}, "1,000"}, {{"2.5"}, "25"}};
  EXPECT_THAT(score(cases), ElementsAre(Pair("exact", 0.0)));
  // The exclamation mark becomes a space, since no space is beside it.
  EXPECT_THAT(score(cases, setting("ignore_punctuation", true)), ElementsAre(Pair("exact", 0.5)));
  Value both = setting("ignore_punctuation", true);
  both.set("collapse_whitespace", true);
  EXPECT_THAT(score(cases, both), ElementsAre(Pair("exact", 0.75)));
}

TEST(ExactMatch, NumberWordsMatterUnlessMapped) {
  const std::vector<Case> cases = {
      {{"2"}, "two"}, {{"10 dogs"}, "ten dogs"}, {{"0"}, "none"}, {{"11"}, "eleven"}};
  EXPECT_THAT(score(cases), ElementsAre(Pair("exact", 0.0)));
  EXPECT_THAT(score(cases, setting("number_words", true)), ElementsAre(Pair("exact", 0.75)));
}

TEST(ExactMatch, MissingApostrophesMatterUnlessRestored) {
  const std::vector<Case> cases = {{{"don't"}, "dont"}, {{"couldn't've"}, "couldn'tve"}, {{"it's"}, "its"}};
  EXPECT_THAT(score(cases), ElementsAre(Pair("exact", 0.0)));
  EXPECT_THAT(score(cases, setting("contractions", true)), ElementsAre(Pair("exact", 2.0 / 3)));
}

TEST(ExactMatch, RunsOfWhitespaceMatterUnlessCollapsed) {
  const std::vector<Case> cases = {{{"a cat"}, "a \t\u00a0 cat"}, {{"acat"}, "a cat"}};
  EXPECT_THAT(score(cases), ElementsAre(Pair("exact", 0.0)));
  EXPECT_THAT(score(cases, setting("collapse_whitespace", true)), ElementsAre(Pair("exact", 0.5)));
}

TEST(ExactMatch, TakesAnyBytes) {
  Value params = setting("strip", true);
  for (const char* step :
       {"ignore_case", "ignore_punctuation", "ignore_articles", "number_words", "contractions"})
    params.set(step, true);
  Random random(1);
  std::vector<Case> cases;
  for (int i = 0; i < 5000; ++i) {
    std::string text;
    for (size_t n = random.below(12); n > 0; --n) text += static_cast<char>(random.below(256));
    cases.push_back({{"other", text}, text});
  }
  EXPECT_THAT(score(cases, params), ElementsAre(Pair("exact", 1.0)));
}

TEST(ExactMatch, AccumulatorsOfOneMetricAreIndependent) {
  const Built<Metric> metric("{type: exact_match}");
  const auto first = metric->start(), second = metric->start();
  Record record;
  record.references = {"x"};
  first->add(record, {"x"});
  EXPECT_THAT(first->scores(), ElementsAre(Pair("exact", 1.0)));
  EXPECT_THAT(second->scores(), ElementsAre(Pair("exact", 0.0)));
}

TEST(ExactMatch, ScoresASelectionOfTheRecords) {
  const Built<Metric> metric("{type: exact_match}");
  const auto run = metric->start();
  Record record;
  record.references = {"x"};
  run->add(record, {"x"});
  run->add(record, {"y"});
  EXPECT_THAT(run->scores_of({0, 1, 0, 0}), ElementsAre(Pair("exact", 0.75)));
  EXPECT_THAT(run->scores_of({1}), ElementsAre(Pair("exact", 0.0)));
  EXPECT_THAT(run->scores_of({}), ElementsAre(Pair("exact", 0.0)));
}

}  // namespace
}  // namespace flam
