#include "framework/component/marked_text.h"

#include <algorithm>

namespace flam {

MarkedText& MarkedText::operator+=(const MarkedText& more) {
  const size_t shift = text_.size();
  const std::vector<Range> added = more.literal_;  // a copy: `more` may be this text
  text_ += more.text_;
  for (const Range& range : added) {
    if (!literal_.empty() && literal_.back().end == range.begin + shift) {
      literal_.back().end = range.end + shift;
    } else {
      literal_.push_back({range.begin + shift, range.end + shift});
    }
  }
  return *this;
}

namespace {

/// Returns the first range that ends after `at`.
auto first_behind(const std::vector<MarkedText::Range>& ranges, size_t at) {
  return std::upper_bound(ranges.begin(), ranges.end(), at,
                          [](size_t place, const MarkedText::Range& range) { return place < range.end; });
}

}  // namespace

bool MarkedText::touches_literal(size_t begin, size_t end) const {
  const auto range = first_behind(literal_, begin);
  return begin < end && range != literal_.end() && range->begin < end;
}

MarkedText MarkedText::slice(size_t begin, size_t end) const {
  MarkedText out;
  if (begin >= end) return out;
  out.text_ = text_.substr(begin, end - begin);
  for (auto range = first_behind(literal_, begin); range != literal_.end() && range->begin < end; ++range)
    out.literal_.push_back({std::max(range->begin, begin) - begin, std::min(range->end, end) - begin});
  return out;
}

std::vector<size_t> MarkedText::find_all(std::string_view token) const {
  std::vector<size_t> places;
  for (size_t at = 0; (at = text_.find(token, at)) != std::string::npos;) {
    if (touches_literal(at, at + token.size())) {
      ++at;
      continue;
    }
    places.push_back(at);
    at += token.size();
  }
  return places;
}

MarkedText template_text(std::string text) {
  MarkedText out;
  out.text_ = std::move(text);
  return out;
}

MarkedText literal_text(std::string text) {
  MarkedText out;
  if (!text.empty()) out.literal_.push_back({0, text.size()});
  out.text_ = std::move(text);
  return out;
}

}  // namespace flam
