#include "plugins/dataset/scenes/grammar.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "plugins/dataset/scenes/truth.h"

namespace flam {
namespace {

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words(1);
  for (char c : text) {
    if (c == ' ')
      words.emplace_back();
    else
      words.back() += c;
  }
  return words;
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

/// The caption with one attribute word replaced by another of its kind, in every possible place.
template <class Names>
std::vector<std::string> changed(const std::string& caption, const Names& names) {
  std::vector<std::string> captions;
  std::vector<std::string> words = words_of(caption);
  for (std::string& word : words) {
    const std::string whole = word;
    const size_t letters = whole.find_first_of(",:");
    const auto found = std::find(names.begin(), names.end(), whole.substr(0, letters));
    if (found == names.end()) continue;
    const size_t next = (static_cast<size_t>(found - names.begin()) + 1) % names.size();
    word = std::string(names[next]) + (letters == std::string::npos ? "" : whole.substr(letters));
    captions.push_back(join(words));
    word = whole;
  }
  return captions;
}

Scene two_objects() {
  Scene scene{7, 80, {}};
  scene.objects.push_back({Shape::circle, Colour::red, Size::small, 20, 20, 9, 0});
  scene.objects.push_back({Shape::star, Colour::blue, Size::large, 60, 50, 14, 0});
  return scene;
}

TEST(Truth, AcceptsEveryCaptionOfItsOwnScene) {
  for (Split split : {Split::train, Split::test}) {
    for (uint64_t seed = 0; seed < 3000; ++seed) {
      const Scene scene = sample_scene(seed, split);
      for (uint64_t variant = 0; variant < 3; ++variant) {
        const std::string caption = describe_scene(scene, variant);
        const Truth truth = check_caption(caption, scene);
        EXPECT_TRUE(truth.all_true) << caption;
        EXPECT_EQ(truth.stated, truth.expected) << caption;
      }
    }
  }
}

TEST(Truth, RejectsOneChangedAttribute) {
  const std::array<std::string_view, 2> numbers{"two", "three"}, other_sizes{"little", "big"};
  size_t tried = 0;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    const Scene scene = sample_scene(seed, Split::train);
    const std::string caption = describe_scene(scene, 0);
    for (const auto& wrong : {changed(caption, kShapes), changed(caption, kColours), changed(caption, kSizes),
                              changed(caption, numbers), changed(caption, other_sizes)}) {
      for (const std::string& text : wrong) {
        EXPECT_FALSE(check_caption(text, scene).all_true) << text << " for " << caption;
        ++tried;
      }
    }
  }
  EXPECT_GT(tried, 5000u);
}

TEST(Truth, ChecksRelationsAndOrder) {
  const Scene scene = two_objects();
  const auto is_true = [&](std::string_view caption) { return check_caption(caption, scene).all_true; };
  EXPECT_TRUE(is_true("a small red circle left of a large blue star"));
  EXPECT_TRUE(is_true("A big blue star, to the right of a little red circle."));
  EXPECT_FALSE(is_true("a small red circle right of a large blue star"));
  EXPECT_FALSE(is_true("a small red circle below a large blue star"));
  EXPECT_TRUE(is_true("from left to right: a small red circle and a large blue star"));
  EXPECT_FALSE(is_true("from right to left: a small red circle and a large blue star"));
  EXPECT_TRUE(is_true("a red circle at the top"));
  EXPECT_FALSE(is_true("a red circle at the bottom"));
}

TEST(Truth, CountsWhatIsStated) {
  const Truth truth = check_caption("a red circle above a star", two_objects());
  EXPECT_TRUE(truth.all_true);
  EXPECT_EQ(truth.stated, 4);
  EXPECT_EQ(truth.expected, 7);
}

TEST(Truth, RejectsWhatItDoesNotUnderstand) {
  const Scene scene = two_objects();
  for (std::string_view caption : {"", "a picture of", "a small red", "a small red circle frolics",
                                   "a small red circle left of", "a small red circle and a small red circle",
                                   "three objects from left to right: a red circle and a blue star",
                                   "a red red circle", "left of a red circle"}) {
    EXPECT_FALSE(check_caption(caption, scene).all_true) << caption;
  }
}

TEST(Grammar, IsDeterministicAndVaried) {
  const Scene scene = sample_scene(5, Split::train);
  std::set<std::string> captions;
  for (uint64_t variant = 0; variant < 50; ++variant) {
    captions.insert(describe_scene(scene, variant));
    EXPECT_EQ(describe_scene(scene, variant), describe_scene(scene, variant));
    EXPECT_EQ(ask(scene, variant).text, ask(scene, variant).text);
  }
  EXPECT_GT(captions.size(), 5u);
}

TEST(Grammar, YesAndNoAreEquallyFrequent) {
  std::map<std::string, int> answers;
  std::set<QuestionKind> kinds;
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    const Question question = ask(sample_scene(seed, Split::train), 0);
    kinds.insert(question.kind);
    EXPECT_EQ(question.text.back(), '?');
    ++answers[question.answer];
  }
  EXPECT_EQ(kinds.size(), kQuestionKinds.size());
  EXPECT_NEAR(answers["yes"], answers["no"], 0.1 * answers["yes"]);
}

TEST(Grammar, TheAnswerIsAmongThoseOfItsKind) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const Question question = ask(sample_scene(seed, Split::test), seed);
    const auto answers = answers_to(question.kind);
    EXPECT_EQ(std::count(answers.begin(), answers.end(), question.answer), 1) << question.text;
  }
}

TEST(Grammar, AnswersAreThoseOfTheScene) {
  const Scene scene = two_objects();
  std::map<std::string, std::string> answers;
  for (uint64_t variant = 0; variant < 3000; ++variant) {
    const Question question = ask(scene, variant);
    const auto [entry, added] = answers.try_emplace(question.text, question.answer);
    EXPECT_EQ(entry->second, question.answer) << question.text;
  }
  EXPECT_EQ(answers.at("what colour is the circle?"), "red");
  EXPECT_EQ(answers.at("what is the shape of the blue object?"), "star");
  EXPECT_EQ(answers.at("how large is the star?"), "large");
  EXPECT_EQ(answers.at("how many objects are there?"), "two");
  EXPECT_EQ(answers.at("is there a red star?"), "no");
  EXPECT_EQ(answers.at("is the circle above the star?"), "yes");
  EXPECT_EQ(answers.at("is the red circle left or right of the blue star?"), "left");
  EXPECT_EQ(answers.at("what colour is the object nearest to the bottom?"), "blue");
}

}  // namespace
}  // namespace flam
