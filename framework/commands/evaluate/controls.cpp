#include "framework/commands/evaluate/controls.h"

#include <algorithm>
#include <vector>

#include "framework/base/random.h"
#include "framework/commands/evaluate/shots.h"

namespace flam {

Task without_pictures(Task task, const std::string& marker) {
  std::visit([&](auto& of) { of.prompt = without_media(std::move(of.prompt), marker); }, task);
  if (auto* score = std::get_if<Score>(&task)) score->calibration.reset();
  return task;
}

std::optional<int64_t> swap_partner(const Dataset& dataset, int64_t index, const Request& request) {
  constexpr uint64_t kSeed = 1;
  constexpr int64_t kDraws = 20;
  const std::string own = picture_identity(request);
  const auto fits = [&](int64_t other) {
    const std::string picture = picture_identity(dataset.at(other).request);
    return !picture.empty() && picture != own;
  };
  const int64_t size = dataset.size();
  Random random(Random(kSeed).next() ^ static_cast<uint64_t>(index));
  int64_t other = index;
  for (int64_t i = 0; i < kDraws; ++i) {
    other = static_cast<int64_t>(random.below(static_cast<size_t>(size)));
    if (fits(other)) return other;
  }
  // Few pictures differ.
  for (int64_t i = 0; i < size; ++i) {
    other = (other + 1) % size;
    if (fits(other)) return other;
  }
  return std::nullopt;
}

Request with_media_of(Request request, const Request& other) {
  std::vector<const Part*> media;
  for (const Part& part : other.parts)
    if (part.kind != Part::Kind::text) media.push_back(&part);
  size_t next = 0;
  for (Part& part : request.parts)
    if (part.kind != Part::Kind::text && !media.empty()) part = *media[next++ % media.size()];
  return request;
}

}  // namespace flam
