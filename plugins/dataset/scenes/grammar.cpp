#include "plugins/dataset/scenes/grammar.h"

#include <algorithm>
#include <vector>

#include "framework/sdk.h"

namespace flam {
namespace {

using Words = std::vector<std::string_view>;

constexpr std::array<std::string_view, 5> kNumbers{"zero", "one", "two", "three", "four"};

/// The attributes that a phrase names; a phrase without a shape says "object".
struct Named {
  bool shape, colour, size;
};

std::string phrase(const SceneObject& object, Named named, std::string_view noun = "object") {
  std::string text;
  if (named.size) text += std::string(name(object.size)) + " ";
  if (named.colour) text += std::string(name(object.colour)) + " ";
  return text + std::string(named.shape ? name(object.shape) : noun);
}

bool alike(const SceneObject& a, const SceneObject& b, Named named) {
  return (!named.shape || a.shape == b.shape) && (!named.colour || a.colour == b.colour) &&
         (!named.size || a.size == b.size);
}

size_t count_alike(const Scene& scene, const SceneObject& object, Named named) {
  return static_cast<size_t>(
      std::count_if(scene.objects.begin(), scene.objects.end(),
                    [&](const SceneObject& other) { return alike(object, other, named); }));
}

/// "the …" for one object of the scene, with some of the allowed attributes; empty if they do not identify
/// the object.
std::string refer(const Scene& scene, const SceneObject& object, const std::vector<Named>& allowed,
                  Random& random) {
  std::vector<Named> clear;
  for (Named named : allowed) {
    if (count_alike(scene, object, named) == 1) clear.push_back(named);
  }
  return clear.empty() ? "" : "the " + phrase(object, random.pick(clear));
}

std::string article(const std::string& noun) {
  return (noun[0] == 'o' ? "an " : "a ") + noun;
}

std::string_view start_of(Relation direction) {
  constexpr std::array<std::string_view, 4> kStarts{"right", "left", "bottom", "top"};
  return kStarts[static_cast<size_t>(direction)];
}

std::string relation_phrase(Relation r, Random& random) {
  switch (r) {
    case Relation::left:
      return random.chance(0.5) ? "to the left of" : "left of";
    case Relation::right:
      return random.chance(0.5) ? "to the right of" : "right of";
    case Relation::above:
      return random.chance(0.7) ? "above" : "over";
    case Relation::below:
      return random.chance(0.7) ? "below" : "under";
  }
  return "";
}

/// An object, and a clear relation that it has to another one.
struct Pair {
  const SceneObject* a;
  const SceneObject* b;
  Relation relation;
};

std::optional<Pair> pick_pair(const Scene& scene, Random& random) {
  std::vector<Pair> pairs;
  for (const SceneObject& a : scene.objects) {
    for (const SceneObject& b : scene.objects) {
      for (Relation r : {Relation::left, Relation::right, Relation::above, Relation::below}) {
        if (&a != &b && distance_along(r, a, b) >= clear_distance(scene.extent)) pairs.push_back({&a, &b, r});
      }
    }
  }
  if (pairs.empty()) return {};
  return random.pick(pairs);
}

struct Asked {
  std::string text, answer;
};

constexpr Named kShape{true, false, false}, kColour{false, true, false}, kSize{false, false, true};
constexpr Named kSizeShape{true, false, true}, kSizeColour{false, true, true},
    kColourShape{true, true, false};

Asked ask_attribute(const Scene& scene, QuestionKind kind, Random& random) {
  const SceneObject& object = random.pick(scene.objects);
  if (kind == QuestionKind::colour) {
    const std::string it = refer(scene, object, {kShape, kSizeShape}, random);
    if (it.empty()) return {};
    const std::array<std::string, 3> texts{"what colour is " + it + "?", "which colour does " + it + " have?",
                                           "what is the colour of " + it + "?"};
    return {random.pick(texts), std::string(name(object.colour))};
  }
  if (kind == QuestionKind::shape) {
    const std::string it = refer(scene, object, {kColour, kSizeColour}, random);
    if (it.empty()) return {};
    const std::array<std::string, 3> texts{"what shape is " + it + "?", "which shape does " + it + " have?",
                                           "what is the shape of " + it + "?"};
    return {random.pick(texts), std::string(name(object.shape))};
  }
  const std::string it = refer(scene, object, {kColourShape, kShape, kColour}, random);
  const std::array<std::string, 3> texts{"is " + it + " small or large?", "what size is " + it + "?",
                                         "how large is " + it + "?"};
  return {random.pick(texts), std::string(name(object.size))};
}

SceneObject any_kind(Random& random) {
  const Shape shape = static_cast<Shape>(random.below(kShapes.size()));
  const Colour colour = static_cast<Colour>(random.below(kColours.size()));
  return {shape, colour, static_cast<Size>(random.below(kSizes.size()))};
}

Asked ask_count(const Scene& scene, Random& random) {
  const std::array<std::string_view, 2> ends{" are there?", " do you see?"};
  const std::string end(random.pick(ends));
  if (random.chance(0.35)) return {"how many objects" + end, std::string(kNumbers[scene.objects.size()])};
  const SceneObject kind = random.chance(0.75) ? random.pick(scene.objects) : any_kind(random);
  const std::array<Named, 3> choices{kShape, kColour, kSize};
  const Named named = random.pick(choices);
  std::string plural = phrase(kind, named);
  plural += plural.back() == 's' ? "es" : "s";
  return {"how many " + plural + end, std::string(kNumbers[count_alike(scene, kind, named)])};
}

Asked ask_exists(const Scene& scene, Random& random) {
  const std::array<Named, 5> choices{kShape, kColour, kColourShape, kColourShape, kSizeShape};
  const Named named = random.pick(choices);
  const bool yes = random.chance(0.5);
  SceneObject kind = random.pick(scene.objects);
  // For the answer no: an object of the scene with some attributes of another object or of none, so that no
  // single attribute decides the answer.
  for (int attempt = 0; !yes && count_alike(scene, kind, named) > 0; ++attempt) {
    const SceneObject other =
        attempt < 4 && random.chance(0.6) ? random.pick(scene.objects) : any_kind(random);
    if (random.chance(0.5)) kind.shape = other.shape;
    if (random.chance(0.5)) kind.colour = other.colour;
    if (random.chance(0.5)) kind.size = other.size;
  }
  const std::array<std::string_view, 2> starts{"is there ", "do you see "};
  return {std::string(random.pick(starts)) + article(phrase(kind, named)) + "?", yes ? "yes" : "no"};
}

Asked ask_relation(const Scene& scene, QuestionKind kind, Random& random) {
  const std::optional<Pair> pair = pick_pair(scene, random);
  if (!pair) return {};
  const std::string a = refer(scene, *pair->a, {kColourShape, kShape, kColour}, random);
  const std::string b = refer(scene, *pair->b, {kColourShape, kShape, kColour}, random);
  if (kind == QuestionKind::side) {
    const bool yes = random.chance(0.5);
    const Relation asked = yes ? pair->relation : opposite(pair->relation);
    return {"is " + a + " " + relation_phrase(asked, random) + " " + b + "?", yes ? "yes" : "no"};
  }
  const bool across = pair->relation == Relation::left || pair->relation == Relation::right;
  return {"is " + a + (across ? " left or right of " : " above or below ") + b + "?",
          std::string(name(pair->relation))};
}

Asked ask_furthest(const Scene& scene, Random& random) {
  const Relation r = static_cast<Relation>(random.below(kRelations.size()));
  const bool colour = random.chance(0.5);
  if (scene.objects.size() < 2) return {};
  for (const SceneObject& object : scene.objects) {
    const bool first = std::all_of(scene.objects.begin(), scene.objects.end(), [&](const SceneObject& other) {
      return &object == &other || distance_along(r, object, other) >= clear_distance(scene.extent);
    });
    if (!first) continue;
    const std::array<std::string_view, 4> ends{"furthest to the left?", "furthest to the right?",
                                               "nearest to the top?", "nearest to the bottom?"};
    return {std::string(colour ? "what colour" : "what shape") + " is the object " +
                std::string(ends[static_cast<size_t>(r)]),
            std::string(colour ? name(object.colour) : name(object.shape))};
  }
  return {};
}

Asked ask_once(const Scene& scene, QuestionKind kind, Random& random) {
  switch (kind) {
    case QuestionKind::colour:
    case QuestionKind::shape:
    case QuestionKind::size:
      return ask_attribute(scene, kind, random);
    case QuestionKind::count:
      return ask_count(scene, random);
    case QuestionKind::exists:
      return ask_exists(scene, random);
    case QuestionKind::side:
    case QuestionKind::direction:
      return ask_relation(scene, kind, random);
    case QuestionKind::furthest:
      return ask_furthest(scene, random);
  }
  return {};
}

std::string list(const std::vector<std::string>& items, Random& random) {
  const bool then = items.size() > 2 && random.chance(0.3);
  std::string text = items[0];
  for (size_t i = 1; i < items.size(); ++i) {
    const bool last = i + 1 == items.size();
    text += (then ? ", then " : last ? " and " : ", ") + items[i];
  }
  return text;
}

}  // namespace

std::string describe_scene(const Scene& scene, uint64_t variant) {
  Random random(scene.seed ^ (variant * 0x2545f4914f6cdd1du) ^ 0xca9u);
  const std::array<std::string_view, 4> openings{"", "a picture of ", "the picture shows ", "we see "};
  const std::string opening(random.pick(openings));
  const bool other_words = random.chance(0.3);
  const auto item = [&](const SceneObject& object) {
    const Words sizes = other_words ? Words{"little", "big"} : Words{"small", "large"};
    return "a " + std::string(sizes[static_cast<size_t>(object.size)]) + " " + phrase(object, kColourShape);
  };

  Relation direction = reading_direction(scene);
  if (scene.objects.size() == 1) {
    constexpr std::array<std::string_view, 4> kPlaces{" on the left", " on the right", " at the top",
                                                      " at the bottom"};
    return opening + item(scene.objects[0]) + std::string(kPlaces[static_cast<size_t>(direction)]);
  }
  if (random.chance(0.25)) direction = opposite(direction);
  std::vector<SceneObject> ordered = scene.objects;
  std::sort(ordered.begin(), ordered.end(),
            [&](const SceneObject& a, const SceneObject& b) { return distance_along(direction, b, a) > 0; });
  std::vector<std::string> items;
  items.reserve(ordered.size());
  for (const SceneObject& object : ordered) items.push_back(item(object));

  if (ordered.size() == 2 && random.chance(0.6)) {
    return opening + items[0] + " " + relation_phrase(opposite(direction), random) + " " + items[1];
  }
  const std::string order =
      "from " + std::string(start_of(direction)) + " to " + std::string(start_of(opposite(direction)));
  const size_t wording = random.below(3);
  if (wording == 0) return order + ": " + list(items, random);
  if (wording == 1) return opening + list(items, random) + ", " + order;
  return opening + std::string(kNumbers[ordered.size()]) + " objects " + order + ": " + list(items, random);
}

std::vector<std::string> answers_to(QuestionKind kind) {
  std::vector<std::string> out;
  const auto add = [&](const auto& words) { out.insert(out.end(), words.begin(), words.end()); };
  switch (kind) {
    case QuestionKind::colour:
      add(kColours);
      break;
    case QuestionKind::shape:
      add(kShapes);
      break;
    case QuestionKind::size:
      add(kSizes);
      break;
    case QuestionKind::count:
      add(kNumbers);
      break;
    case QuestionKind::exists:
    case QuestionKind::side:
      out = {"yes", "no"};
      break;
    case QuestionKind::direction:
      add(kRelations);
      break;
    case QuestionKind::furthest:
      add(kColours);
      add(kShapes);
      break;
  }
  return out;
}

std::optional<Question> ask(const Scene& scene, QuestionKind kind, uint64_t variant) {
  Random random(scene.seed ^ (variant * 0x9e6c63d0876a9a35u) ^ (static_cast<uint64_t>(kind) << 56));
  for (int attempt = 0; attempt < 8; ++attempt) {
    Asked asked = ask_once(scene, kind, random);
    if (!asked.text.empty()) return Question{kind, std::move(asked.text), std::move(asked.answer)};
  }
  return {};
}

Question ask(const Scene& scene, uint64_t variant) {
  Random random(scene.seed ^ (variant * 0xd1342543de82ef95u) ^ 0xa5cu);
  for (;;) {
    const auto kind = static_cast<QuestionKind>(random.below(kQuestionKinds.size()));
    if (auto question = ask(scene, kind, random.next())) return *question;
  }
}

}  // namespace flam
