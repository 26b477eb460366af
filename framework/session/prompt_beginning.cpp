#include "framework/session/prompt_beginning.h"

#include <algorithm>

#include "framework/base/error.h"

namespace flam {

namespace {

bool same_source(const PictureSource& a, const PictureSource& b) {
  const bool same_pixels = a.picture.has_value() == b.picture.has_value() &&
                           (!a.picture || a.picture->rgb.is_same(b.picture->rgb));
  const bool same_features = a.features.defined() == b.features.defined() &&
                             (!a.features.defined() || a.features.is_same(b.features));
  return a.path == b.path && a.bytes == b.bytes && same_pixels && same_features;
}

Part text_part(const char* text) {
  return {Part::Kind::text, text, {}};
}

/// The prompt of the shots and a query that has a picture or not.
Prompt prompt_with(const TaskHead& head, const Request& shots, bool with_picture, const char* question) {
  Request request = shots;
  request.candidates = {"yes", "no"};  // the prompt does not depend on them
  if (with_picture) request.parts.push_back({Part::Kind::image, "", {PictureSource{"query", nullptr, {}}}});
  if (head.needs_question()) request.parts.push_back(text_part(question));
  return prompt_of(head.task(request));
}

size_t common_length(const std::string& a, const std::string& b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace

bool same_part(const Part& a, const Part& b) {
  return a.kind == b.kind && a.text == b.text && a.timestamps == b.timestamps && a.duration == b.duration &&
         std::ranges::equal(a.pictures, b.pictures, same_source);
}

Prompt prompt_beginning(const TaskHead& head, const Request& shots, const std::string& image_token) {
  if (!shots.messages.empty())
    throw Error("a context is made of shots, not of a conversation; give pictures and texts");
  size_t media = 0;
  for (const Part& part : shots.parts) media += part.kind != Part::Kind::text;
  // A conversation may also go on without a picture.
  const Prompt one = prompt_with(head, shots, true, "a"),
               other = prompt_with(head, shots, !head.takes_messages(), "b");
  size_t length = common_length(one.text.str(), other.text.str());
  const std::vector<size_t> markers = one.text.find_all(image_token);
  if (markers.size() > media) length = std::min(length, markers[media]);
  const bool whole = markers.size() >= media && one.media.size() >= media &&
                     (media == 0 || markers[media - 1] + image_token.size() <= length) &&
                     one.text.slice(0, length) == other.text.slice(0, length);
  if (!whole) {
    throw Error("the task head does not put the shots before the query, so they can't be kept as a context");
  }
  return {one.text.slice(0, length),
          {one.media.begin(), one.media.begin() + static_cast<std::ptrdiff_t>(media)}};
}

size_t settled_ids(const std::vector<int64_t>& ids, const Tokenizer& tokenizer) {
  const auto image = tokenizer.token_id(tokenizer.image_token());
  const auto is_special = [&](int64_t id) {
    return id >= tokenizer.base_size() || id == image || id == tokenizer.bos_id() ||
           id == tokenizer.eos_id() ||
           (tokenizer.decode({id}, true).empty() && !tokenizer.decode({id}, false).empty());
  };
  const auto last = std::find_if(ids.rbegin(), ids.rend(), is_special);
  return static_cast<size_t>(ids.rend() - last);
}

}  // namespace flam
