#pragma once
// Captions, questions and answers about the objects of a feature map.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "framework/sdk.h"
#include "plugins/dataset/classifier_maps/maps.h"

namespace flam {

/// A class that has a name ("golden retriever") and kinds, the nearest first ("dog", "mammal").
struct NamedClass {
  std::string name;
  std::vector<std::string> kinds;
};

/// Reads a file with a class on each line: its name, a tab, and its kinds, separated by commas. Error, with
/// file and line: a line has another form, or a name occurs twice; with the file: the number of lines is not
/// `classes`.
std::vector<NamedClass> read_classes(const std::string& path, int64_t classes);

struct Question {
  std::string text, answer;
  std::string kind;                     // of question, for scores by kind
  std::vector<std::string> candidates;  // the answers to choose from, the right one among them
};

class MapGrammar {
 public:
  /// A caption says "perhaps" if the classifier's confidence is below `unsure_below`. Captions don't mention
  /// the kinds in `plain_kinds`, which say little ("device").
  MapGrammar(std::vector<NamedClass> classes, double unsure_below, std::vector<std::string> plain_kinds);

  std::string caption(const FeatureMap& map) const;
  /// The caption and those of three other classes, in random order.
  std::vector<std::string> captions_to_choose(const FeatureMap& map, Random& random) const;
  /// A question of a random kind: name, kind, is_kind, is_name, where, count, side (what is on the left).
  Question ask(const FeatureMap& map, Random& random) const;

 private:
  bool unsure(const FeatureMap& map) const {
    return map.objects.size() == 1 && map.confidence < unsure_below_;
  }
  const std::string& name(int64_t label) const { return classes_[static_cast<size_t>(label)].name; }
  const std::vector<std::string>& kinds(int64_t label) const {
    return classes_[static_cast<size_t>(label)].kinds;
  }
  /// The nearest kind that both classes have; "" if there is none.
  std::string common_kind(int64_t a, int64_t b) const;
  std::string perhaps(const FeatureMap& map) const;
  std::string describe(int64_t label) const;
  bool may_be_seen(const FeatureMap& map, int64_t label) const;
  /// `answer` and what `answer_of` gives for three other classes, in random order. It gives "" for a class
  /// whose answer would be right too.
  template <class AnswerOf>
  std::vector<std::string> with_others(const std::string& answer, Random& random,
                                       const AnswerOf& answer_of) const;
  Question ask_kind(const FeatureMap& map, Random& random) const;
  Question ask_name(const FeatureMap& map, Random& random) const;

  std::vector<NamedClass> classes_;
  double unsure_below_;
  std::vector<std::string> plain_kinds_;
};

/// "a dog", "an owl".
std::string with_article(std::string_view noun);

}  // namespace flam
