#include "plugins/dataset/scenes/truth.h"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

namespace flam {
namespace {

using Words = std::vector<std::string>;

struct Mention {
  std::optional<Shape> shape;
  std::optional<Colour> colour;
  std::optional<Size> size;
};

/// The caption says that mention `a` is in that direction from mention `b`, or, without b, from the middle.
struct Claim {
  Relation relation;
  size_t a;
  std::optional<size_t> b;
};

struct Statement {
  std::vector<Mention> mentions;
  std::vector<Claim> claims;
  std::optional<size_t> count;
};

Words words_of(std::string_view text) {
  Words words;
  bool inside = false;
  for (char c : text) {
    const bool letter = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (letter && !inside) words.emplace_back();
    if (letter) words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    inside = letter;
  }
  return words;
}

template <class Names>
std::optional<size_t> index_in(const Names& names, std::string_view word) {
  const auto found = std::find(names.begin(), names.end(), word);
  if (found == names.end()) return {};
  return static_cast<size_t>(found - names.begin());
}

class Parser {
 public:
  explicit Parser(std::string_view caption) : words_(words_of(caption)) {}

  /// nullopt if a word has no meaning in its place.
  std::optional<Statement> parse() {
    while (at_ < words_.size()) {
      if (!order() && !count() && !relation() && !side() && !mention() && !filler()) return {};
    }
    if (open_ || relation_) return {};
    if (order_) {
      for (size_t i = 1; i < said_.mentions.size(); ++i) said_.claims.push_back({*order_, i, i - 1});
    }
    return said_;
  }

 private:
  /// Consumes the words of `phrase` if they come next.
  bool take(std::string_view phrase) {
    const Words wanted = words_of(phrase);
    if (at_ + wanted.size() > words_.size()) return false;
    if (!std::equal(wanted.begin(), wanted.end(), words_.begin() + static_cast<std::ptrdiff_t>(at_)))
      return false;
    at_ += wanted.size();
    return true;
  }

  bool order() {
    constexpr std::array<std::string_view, 4> kOrders{"from right to left", "from left to right",
                                                      "from bottom to top", "from top to bottom"};
    for (size_t r = 0; r < kOrders.size(); ++r) {
      if (open_ || order_ || !take(kOrders[r])) continue;
      order_ = static_cast<Relation>(r);
      return true;
    }
    return false;
  }

  bool count() {
    constexpr std::array<std::string_view, 5> kCounts{"zero objects", "one object", "two objects",
                                                      "three objects", "four objects"};
    for (size_t n = 0; n < kCounts.size(); ++n) {
      if (open_ || said_.count || !take(kCounts[n])) continue;
      said_.count = n;
      return true;
    }
    return false;
  }

  bool relation() {
    constexpr std::array<std::array<std::string_view, 2>, 4> kPhrases{{{"to the left of", "left of"},
                                                                       {"to the right of", "right of"},
                                                                       {"above", "over"},
                                                                       {"below", "under"}}};
    if (open_ || relation_ || said_.mentions.empty()) return false;
    for (size_t r = 0; r < kPhrases.size(); ++r) {
      if (!take(kPhrases[r][0]) && !take(kPhrases[r][1])) continue;
      relation_ = static_cast<Relation>(r);
      return true;
    }
    return false;
  }

  bool side() {
    constexpr std::array<std::string_view, 4> kSides{"on the left", "on the right", "at the top",
                                                     "at the bottom"};
    if (open_ || relation_ || said_.mentions.empty()) return false;
    for (size_t r = 0; r < kSides.size(); ++r) {
      if (!take(kSides[r])) continue;
      said_.claims.push_back({static_cast<Relation>(r), said_.mentions.size() - 1, {}});
      return true;
    }
    return false;
  }

  /// Reads one word of a phrase like "a small red circle"; the noun ends the phrase.
  bool mention() {
    const std::string& word = words_[at_];
    constexpr std::array<std::string_view, 2> kOtherSizes{"little", "big"};
    Mention next = open_.value_or(Mention{});
    auto size = index_in(kSizes, word);
    if (!size) size = index_in(kOtherSizes, word);
    const auto colour = index_in(kColours, word), shape = index_in(kShapes, word);
    if (size && !next.size) {
      next.size = static_cast<Size>(*size);
    } else if (colour && !next.colour) {
      next.colour = static_cast<Colour>(*colour);
    } else if (shape) {
      next.shape = static_cast<Shape>(*shape);
    } else if (word != "object") {
      return false;
    }
    ++at_;
    open_ = next;
    if (shape || word == "object") close();
    return true;
  }

  void close() {
    said_.mentions.push_back(*open_);
    open_.reset();
    const size_t last = said_.mentions.size() - 1;
    if (relation_) said_.claims.push_back({*relation_, last - 1, last});
    relation_.reset();
  }

  bool filler() {
    constexpr std::array<std::string_view, 8> kFillers{
        "a picture of", "the picture shows", "we see", "there is", "a", "an", "and", "then"};
    return !open_ &&
           std::any_of(kFillers.begin(), kFillers.end(), [&](std::string_view f) { return take(f); });
  }

  Words words_;
  size_t at_ = 0;
  Statement said_;
  std::optional<Mention> open_;
  std::optional<Relation> relation_, order_;
};

bool fits(const Mention& mention, const SceneObject& object) {
  return (!mention.shape || *mention.shape == object.shape) &&
         (!mention.colour || *mention.colour == object.colour) &&
         (!mention.size || *mention.size == object.size);
}

bool fits(const Statement& said, const Scene& scene, const std::vector<size_t>& meaning) {
  const auto meant = [&](size_t mention) -> const SceneObject& { return scene.objects[meaning[mention]]; };
  for (size_t i = 0; i < said.mentions.size(); ++i) {
    if (!fits(said.mentions[i], meant(i))) return false;
  }
  SceneObject middle{};
  middle.x = middle.y = scene.extent / 2.0;
  return std::all_of(said.claims.begin(), said.claims.end(), [&](const Claim& claim) {
    return holds(claim.relation, meant(claim.a), claim.b ? meant(*claim.b) : middle);
  });
}

}  // namespace

Truth check_caption(std::string_view caption, const Scene& scene) {
  const int objects = static_cast<int>(scene.objects.size());
  Truth truth{0, 3 * objects + std::max(1, objects - 1), false};
  const std::optional<Statement> said = Parser(caption).parse();
  if (!said) return truth;
  truth.stated = static_cast<int>(said->claims.size());
  for (const Mention& mention : said->mentions) {
    truth.stated += mention.shape.has_value() + mention.colour.has_value() + mention.size.has_value();
  }
  if (truth.stated == 0 || said->mentions.size() > scene.objects.size()) return truth;
  if (said->count && *said->count != scene.objects.size()) return truth;
  std::vector<size_t> meaning(scene.objects.size());
  std::iota(meaning.begin(), meaning.end(), size_t{0});
  do {
    truth.all_true = fits(*said, scene, meaning);
  } while (!truth.all_true && std::next_permutation(meaning.begin(), meaning.end()));
  return truth;
}

}  // namespace flam
