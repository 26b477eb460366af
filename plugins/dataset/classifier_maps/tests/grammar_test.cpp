#include "plugins/dataset/classifier_maps/grammar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "plugins/dataset/classifier_maps/tests/made_up.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using test::kNamedClasses;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

enum Label : int64_t { tabby, persian_cat, owl, eagle, hammer, radio, orange, acorn };

MapGrammar grammar() {
  return {kNamedClasses, 0.2, {"device"}};
}

FeatureMap one(int64_t label, double confidence = 0.9, int64_t second = orange) {
  return {{}, {{label, 0.5, 0.5}}, {label, second}, confidence};
}
FeatureMap two(int64_t left, int64_t right) {
  return {{}, {{left, 0.2, 0.5}, {right, 0.8, 0.5}}, {left, right}, 0.1};
}

TEST(MapGrammar, ArticlesFollowTheFirstSound) {
  EXPECT_EQ(with_article("dog"), "a dog");
  EXPECT_EQ(with_article("owl"), "an owl");
  EXPECT_EQ(with_article("English setter"), "an English setter");
  EXPECT_EQ(with_article("unicycle"), "a unicycle");
  EXPECT_EQ(with_article("European gallinule"), "a European gallinule");
  EXPECT_EQ(with_article("umbrella"), "an umbrella");
  EXPECT_EQ(with_article(""), "a ");
}

TEST(MapGrammar, CaptionsSayTheKindWhereItSaysSomething) {
  EXPECT_EQ(grammar().caption(one(tabby)), "a tabby, a kind of cat");
  EXPECT_EQ(grammar().caption(one(owl)), "an owl, a kind of bird");
  EXPECT_EQ(grammar().caption(one(radio)), "a radio");  // "device" is a plain kind
  EXPECT_EQ(grammar().caption(one(acorn)), "an acorn");
  EXPECT_EQ(grammar().caption(two(owl, tabby)), "an owl on the left and a tabby on the right");
}

TEST(MapGrammar, CaptionsSayPerhapsBelowTheThreshold) {
  EXPECT_EQ(grammar().caption(one(tabby, 0.2, persian_cat)), "a tabby, a kind of cat");
  EXPECT_EQ(grammar().caption(one(tabby, 0.19, persian_cat)),
            "perhaps a tabby or a persian cat, some kind of cat");
  EXPECT_EQ(grammar().caption(one(owl, 0.1, hammer)), "perhaps an owl or a hammer");
  EXPECT_EQ(grammar().caption(one(hammer, 0.1, radio)), "perhaps a hammer or a radio");
}

TEST(MapGrammar, CaptionsToChooseFromContainTheRightOneOnce) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Random random(seed);
    const auto candidates = grammar().captions_to_choose(one(tabby), random);
    EXPECT_EQ(candidates.size(), 4u);
    EXPECT_EQ(std::count(candidates.begin(), candidates.end(), "a tabby, a kind of cat"), 1);
    EXPECT_EQ(std::set(candidates.begin(), candidates.end()).size(), 4u);
  }
}

/// The word that a question is about: "is it an owl?" → "owl".
std::string noun_of(std::string text) {
  for (const std::string beginning :
       {"where is the ", "is it a kind of ", "is it ", "is there ", "an ", "a "}) {
    if (text.starts_with(beginning)) text = text.substr(beginning.size());
  }
  return text.substr(0, text.size() - 1);
}

/// Asks `count` questions about drawn maps.
template <class Check>
void ask(int count, const Check& check) {
  const ClassifierMaps maps = test::made_up_maps({.two_objects = 0.4});
  const MapGrammar asked = grammar();
  for (int i = 0; i < count; ++i) {
    const FeatureMap map = maps.draw(static_cast<uint64_t>(i / 4));
    Random random(static_cast<uint64_t>(i));
    const Question question = asked.ask(map, random);
    SCOPED_TRACE(question.text + " " + question.answer);
    check(map, question);
  }
}

bool has_kind(const MapObject& object, const std::string& kind) {
  const auto& kinds = kNamedClasses[static_cast<size_t>(object.label)].kinds;
  return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}
bool has_name(const MapObject& object, const std::string& name) {
  return kNamedClasses[static_cast<size_t>(object.label)].name == name;
}

TEST(MapGrammar, YesAndNoAreRightAndEquallyFrequent) {
  std::map<std::string, std::map<std::string, int>> answers;
  ask(1200, [&](const FeatureMap& map, const Question& question) {
    if (question.kind != "is_kind" && question.kind != "is_name") return;
    const auto is_meant = [&](const MapObject& object) {
      const std::string noun = noun_of(question.text);
      return question.kind == "is_kind" ? has_kind(object, noun) : has_name(object, noun);
    };
    const bool shown = std::any_of(map.objects.begin(), map.objects.end(), is_meant);
    EXPECT_EQ(question.answer, shown ? "yes" : "no");
    ++answers[question.kind][question.answer];
  });
  for (auto& [kind, counts] : answers) {
    const int all = counts["yes"] + counts["no"];
    EXPECT_GT(all, 100) << kind;
    EXPECT_NEAR(static_cast<double>(counts["yes"]) / all, 0.5, 0.1) << kind;
  }
  EXPECT_EQ(answers.size(), 2u);
}

TEST(MapGrammar, PlacesSidesAndCountsAgreeWithTheMap) {
  std::set<std::string> kinds, places;
  ask(1200, [&](const FeatureMap& map, const Question& question) {
    kinds.insert(question.kind);
    const bool alone = map.objects.size() == 1;
    if (question.kind == "count") {
      EXPECT_EQ(question.answer, alone ? "one" : "two");
    } else if (question.kind == "side") {
      ASSERT_FALSE(alone);
      const bool left = question.text == "what is on the left?";
      EXPECT_TRUE(left || question.text == "what is on the right?");
      EXPECT_TRUE(has_name(left ? map.objects[0] : map.objects[1], noun_of(question.answer + "?")));
    } else if (question.kind == "where") {
      const std::string noun = noun_of(question.text);
      const auto meant = [&](const MapObject& object) {
        return has_name(object, noun) || has_kind(object, noun);
      };
      ASSERT_EQ(std::count_if(map.objects.begin(), map.objects.end(), meant), 1);
      const double x = std::find_if(map.objects.begin(), map.objects.end(), meant)->x;
      EXPECT_EQ(question.answer, x < 0.36 ? "on the left" : x > 0.64 ? "on the right" : "in the middle");
      places.insert(question.answer);
    } else if (question.kind == "kind") {
      ASSERT_TRUE(alone);
      EXPECT_TRUE(has_kind(map.objects[0], noun_of(question.answer + "?")));
    } else if (question.kind == "name" && question.answer.starts_with("perhaps")) {
      EXPECT_LT(map.confidence, 0.2);
    } else if (question.kind == "name" && alone) {
      EXPECT_TRUE(has_name(map.objects[0], noun_of(question.answer + "?")));
    }
  });
  EXPECT_THAT(kinds, UnorderedElementsAre("name", "kind", "is_kind", "is_name", "where", "count", "side"));
  EXPECT_EQ(places.size(), 3u);
}

TEST(MapGrammar, CandidatesContainTheAnswerOnce) {
  ask(400, [](const FeatureMap&, const Question& question) {
    EXPECT_EQ(std::count(question.candidates.begin(), question.candidates.end(), question.answer), 1);
    EXPECT_EQ(std::set(question.candidates.begin(), question.candidates.end()).size(),
              question.candidates.size());
    EXPECT_GE(question.candidates.size(), 2u);
  });
}

TEST(MapGrammar, OtherCandidatesAreWrong) {
  ask(400, [](const FeatureMap& map, const Question& question) {
    if (question.kind != "kind" && question.kind != "name") return;
    for (const std::string& candidate : question.candidates) {
      if (candidate == question.answer) continue;
      const std::string noun = noun_of(candidate + "?");
      EXPECT_FALSE(has_kind(map.objects.front(), noun) || has_name(map.objects.front(), noun)) << candidate;
    }
  });
}

TEST(MapGrammar, DoesNotAskWhereAnythingIsThatWasNotPlaced) {
  FeatureMap map = one(owl);
  map.objects.front().placed = false;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Random random(seed);
    EXPECT_NE(grammar().ask(map, random).kind, "where");
  }
}

TEST(MapGrammar, AsksAboutClassesOfOneKindToo) {
  const MapGrammar same({{"tench", {"fish"}}, {"goldfish", {"fish"}}}, 0.2, {});
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Random random(seed);
    const Question question = same.ask(two(0, 1), random);
    if (question.kind.starts_with("is_")) {
      EXPECT_EQ(question.answer, "yes") << question.text;
    }
  }
}

class ReadClasses : public testing::Test {
 protected:
  std::string path() const { return (folder_ / "classes.tsv").string(); }
  std::vector<NamedClass> read(const std::string& text, int64_t classes) const {
    write_file(path(), text);
    return read_classes(path(), classes);
  }
  std::string error(const std::string& text, int64_t classes = 2) const {
    return error_of([&] { read(text, classes); });
  }
  test::Scratch folder_;
};

TEST_F(ReadClasses, NamesAndKindsInOrder) {
  for (const char* text : {"tabby\tcat, mammal\nowl\tbird\n", "tabby\tcat,mammal\r\nowl\tbird"}) {
    const auto classes = read(text, 2);
    EXPECT_EQ(classes[0].name, "tabby");
    EXPECT_THAT(classes[0].kinds, ElementsAre("cat", "mammal"));
    EXPECT_EQ(classes[1].name, "owl");
    EXPECT_THAT(classes[1].kinds, ElementsAre("bird"));
  }
}

TEST_F(ReadClasses, ErrorsNameTheLine) {
  for (const char* line :
       {"owl", "owl\t", "\tbird", "owl\tbird,", "owl\tbird, , mammal", "owl\tbird\tmammal", ""}) {
    EXPECT_EQ(error(std::string("tabby\tcat\n") + line + "\n"),
              path() + ":2: expected a name, a tab and at least one kind (\"tabby\tcat, mammal\"), found " +
                  quoted(line));
  }
  EXPECT_EQ(error("owl\tbird\nowl\tbird of prey\n"),
            path() + ":2: 'owl' is already the name of another class");
}

TEST_F(ReadClasses, TheClassifierHasAsManyClasses) {
  EXPECT_EQ(error("owl\tbird\n", 3), path() + " has 1 classes, but the classifier has 3");
  EXPECT_EQ(error("", 3), path() + " has 0 classes, but the classifier has 3");
  EXPECT_THAT(error_of([&] { read_classes((folder_ / "none").string(), 3); }),
              HasSubstr("none': No such file"));
}

}  // namespace
}  // namespace flam
