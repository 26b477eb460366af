#include "plugins/dataset/classifier_maps/grammar.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

namespace flam {

namespace {

constexpr int kAttempts = 1000;  // to find something else at random

bool contains(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

/// Where an object is: thirds of the picture's width.
const char* place_of(const MapObject& object) {
  return object.x < 0.36 ? "on the left" : object.x > 0.64 ? "on the right" : "in the middle";
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(' ');
  return first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

std::vector<std::string> split_kinds(std::string_view text) {
  std::vector<std::string> kinds;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    kinds.emplace_back(trimmed(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return kinds;
}

/// A line "NAME<tab>KIND, KIND"; nothing if it has another form.
std::optional<NamedClass> parse_class(std::string_view line) {
  const size_t tab = line.find('\t');
  if (tab == std::string_view::npos || line.find('\t', tab + 1) != std::string_view::npos)
    return std::nullopt;
  NamedClass named{std::string(trimmed(line.substr(0, tab))), split_kinds(line.substr(tab + 1))};
  if (named.name.empty() || contains(named.kinds, "")) return std::nullopt;
  return named;
}

}  // namespace

std::string with_article(std::string_view noun) {
  const auto begins = [&](std::string_view start) { return noun.starts_with(start); };
  const bool sounds_like_you = begins("uni") || begins("eu") || begins("Eu");  // a unicycle, a European
  const bool vowel = !noun.empty() && !sounds_like_you &&
                     std::string_view("aeiouAEIOU").find(noun.front()) != std::string_view::npos;
  return cat(vowel ? "an " : "a ", noun);
}

std::vector<NamedClass> read_classes(const std::string& path, int64_t classes) {
  const auto mapped = MappedFile::open(path);
  const std::string source = printable(path, 4096);
  std::vector<NamedClass> out;
  std::unordered_set<std::string> names;
  int64_t line_number = 0;
  for (std::string_view rest = mapped->size() > 0 ? mapped->bytes() : ""; !rest.empty();) {
    ++line_number;
    const size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);  // line ends of Windows
    std::optional<NamedClass> named = parse_class(line);
    if (!named) {
      throw Error(cat(source, ":", line_number,
                      ": expected a name, a tab and at least one kind (\"tabby\tcat, mammal\"), found ",
                      quoted(std::string(line.substr(0, 200)))));
    }
    if (!names.insert(named->name).second)
      throw Error(
          cat(source, ":", line_number, ": ", quoted(named->name), " is already the name of another class"));
    out.push_back(*std::move(named));
  }
  if (std::ssize(out) != classes)
    throw Error(cat(source, " has ", out.size(), " classes, but the classifier has ", classes));
  return out;
}

MapGrammar::MapGrammar(std::vector<NamedClass> classes, double unsure_below,
                       std::vector<std::string> plain_kinds)
    : classes_(std::move(classes)), unsure_below_(unsure_below), plain_kinds_(std::move(plain_kinds)) {}

template <class AnswerOf>
std::vector<std::string> MapGrammar::with_others(const std::string& answer, Random& random,
                                                 const AnswerOf& answer_of) const {
  std::vector<std::string> out = {answer};
  for (int attempt = 0; out.size() < 4 && attempt < kAttempts; ++attempt) {
    const std::string other = answer_of(static_cast<int64_t>(random.below(classes_.size())));
    if (!other.empty() && !contains(out, other)) out.push_back(other);
  }
  std::swap(out.front(), out[random.below(out.size())]);
  return out;
}

bool MapGrammar::may_be_seen(const FeatureMap& map, int64_t label) const {
  const auto is_it = [&](const MapObject& object) { return object.label == label; };
  return std::any_of(map.objects.begin(), map.objects.end(), is_it) || label == map.likely[0] ||
         label == map.likely[1];
}

std::string MapGrammar::describe(int64_t label) const {
  const std::string& kind = kinds(label).front();
  if (kind == name(label) || contains(plain_kinds_, kind)) return with_article(name(label));
  return cat(with_article(name(label)), ", a kind of ", kind);
}

std::vector<std::string> MapGrammar::captions_to_choose(const FeatureMap& map, Random& random) const {
  return with_others(caption(map), random,
                     [&](int64_t label) { return may_be_seen(map, label) ? "" : describe(label); });
}

std::string MapGrammar::common_kind(int64_t a, int64_t b) const {
  for (const std::string& kind : kinds(a)) {
    if (contains(kinds(b), kind)) return kind;
  }
  return "";
}

std::string MapGrammar::perhaps(const FeatureMap& map) const {
  return cat("perhaps ", with_article(name(map.likely[0])), " or ", with_article(name(map.likely[1])));
}

std::string MapGrammar::caption(const FeatureMap& map) const {
  if (unsure(map)) {
    const std::string kind = common_kind(map.likely[0], map.likely[1]);
    return kind.empty() || contains(plain_kinds_, kind) ? perhaps(map)
                                                        : cat(perhaps(map), ", some kind of ", kind);
  }
  const MapObject& first = map.objects.front();
  if (map.objects.size() == 1) return describe(first.label);
  const MapObject& second = map.objects.back();
  return cat(with_article(name(first.label)), " on the left and ", with_article(name(second.label)),
             " on the right");
}

Question MapGrammar::ask_kind(const FeatureMap& map, Random& random) const {
  const MapObject& object = random.pick(map.objects);
  bool yes = random.chance(0.5);
  std::string kind = random.pick(kinds(object.label));
  if (!yes) {  // a kind of another class, chosen as the kinds of a "yes" are
    const auto is_shown = [&](const MapObject& shown) { return contains(kinds(shown.label), kind); };
    const auto shown = [&] { return std::any_of(map.objects.begin(), map.objects.end(), is_shown); };
    for (int attempt = 0; shown() && attempt < kAttempts; ++attempt)
      kind = random.pick(kinds(static_cast<int64_t>(random.below(classes_.size()))));
    yes = shown();  // all classes may be of the same kind
  }
  const std::string text = map.objects.size() > 1 || random.chance(0.25)
                               ? cat("is there ", with_article(kind), "?")
                           : random.chance(0.5) ? cat("is it ", with_article(kind), "?")
                                                : cat("is it a kind of ", kind, "?");
  return {text, yes ? "yes" : "no", "is_kind", {"yes", "no"}};
}

Question MapGrammar::ask_name(const FeatureMap& map, Random& random) const {
  const MapObject& object = random.pick(map.objects);
  bool yes = random.chance(0.5);
  int64_t label = object.label;
  if (!yes) {
    const auto is_shown = [&](const MapObject& shown) { return shown.label == label; };
    const auto shown = [&] { return std::any_of(map.objects.begin(), map.objects.end(), is_shown); };
    const bool similar = random.chance(0.5);  // of the same kind, where another class has it
    const auto is_other_kind = [&] { return kinds(label).front() != kinds(object.label).front(); };
    for (int attempt = 0;
         attempt < kAttempts && (shown() || (similar && attempt < kAttempts / 10 && is_other_kind()));
         ++attempt)
      label = static_cast<int64_t>(random.below(classes_.size()));
    yes = shown();  // there may be no other class
  }
  const std::string text =
      cat(map.objects.size() > 1 ? "is there " : "is it ", with_article(name(label)), "?");
  return {text, yes ? "yes" : "no", "is_name", {"yes", "no"}};
}

Question MapGrammar::ask(const FeatureMap& map, Random& random) const {
  static const std::vector<std::string> one = {"what is this?", "what is it?", "what is in the picture?",
                                               "what do you see?"};
  static const std::vector<std::string> kind = {"what kind of thing is it?", "what kind of thing is this?"};
  const MapObject& object = random.pick(map.objects);
  const bool two = map.objects.size() > 1;
  const auto a_name = [&](int64_t label) { return with_article(name(label)); };
  const auto a_kind = [&](int64_t label) { return with_article(kinds(label).front()); };
  const auto other_name = [&](int64_t label) { return may_be_seen(map, label) ? "" : a_name(label); };
  const auto other_kind = [&](int64_t label) {
    return contains(kinds(object.label), kinds(label).front()) ? "" : a_kind(label);
  };
  // Kinds and places are asked for twice as often, because they are learnt more slowly than names.
  switch (random.below(8)) {
    case 0: {
      const std::string answer = unsure(map) ? perhaps(map) : a_name(object.label);
      const char* side = &object == &map.objects.front() ? "left" : "right";
      return {two ? cat("what is on the ", side, "?") : random.pick(one), answer, two ? "side" : "name",
              with_others(answer, random, other_name)};
    }
    case 1:
      if (two) return {"what do you see?", caption(map), "name", captions_to_choose(map, random)};
      return {random.pick(kind), a_kind(object.label), "kind",
              with_others(a_kind(object.label), random, other_kind)};
    case 2:
    case 3:
      return ask_kind(map, random);
    case 4:
      return ask_name(map, random);
    case 5:
    case 6: {
      if (!object.placed) return ask_name(map, random);
      // By its kind, unless that could mean either of two objects.
      const std::string& of = kinds(object.label).front();
      const bool clear = !two || !contains(kinds(map.objects.front().label), of) ||
                         !contains(kinds(map.objects.back().label), of);
      const std::string& what = clear && random.chance(0.5) ? of : name(object.label);
      return {cat("where is the ", what, "?"),
              place_of(object),
              "where",
              {"on the left", "in the middle", "on the right"}};
    }
    default:
      return {"how many things are there?", two ? "two" : "one", "count", {"one", "two"}};
  }
}

}  // namespace flam
