#include "framework/component/added_tokens.h"

#include <algorithm>
#include <array>

#include "framework/base/error.h"
#include "framework/base/text.h"

namespace flam {
namespace {

using namespace std::string_view_literals;

// What Python's str.strip() removes, in UTF-8.
constexpr std::array kSpaces = {
    "\t"sv,     "\n"sv,     "\v"sv,     "\f"sv,     "\r"sv,     "\x1c"sv,   "\x1d"sv,   "\x1e"sv,
    "\x1f"sv,   " "sv,      "\u0085"sv, "\u00a0"sv, "\u1680"sv, "\u2000"sv, "\u2001"sv, "\u2002"sv,
    "\u2003"sv, "\u2004"sv, "\u2005"sv, "\u2006"sv, "\u2007"sv, "\u2008"sv, "\u2009"sv, "\u200a"sv,
    "\u2028"sv, "\u2029"sv, "\u202f"sv, "\u205f"sv, "\u3000"sv,
};

std::string_view strip_left(std::string_view text) {
  for (bool again = true; again;) {
    again = false;
    for (const auto space : kSpaces) {
      if (text.starts_with(space)) {
        text.remove_prefix(space.size());
        again = true;
      }
    }
  }
  return text;
}

std::string_view strip_right(std::string_view text) {
  for (bool again = true; again;) {
    again = false;
    for (const auto space : kSpaces) {
      if (text.ends_with(space)) {
        text.remove_suffix(space.size());
        again = true;
      }
    }
  }
  return text;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<std::string> tokens, int64_t first_id, bool swallow_spaces)
    : tokens_(std::move(tokens)), first_id_(first_id) {
  for (size_t i = 0; i < tokens_.size(); ++i) {
    split_also_at(tokens_[i], first_id_ + static_cast<int64_t>(i), swallow_spaces);
  }
}

void AddedTokens::split_also_at(const std::string& token, int64_t id, bool swallow_spaces) {
  if (token.empty()) throw Error("added_tokens: a token is empty; remove it");
  for (const auto& s : splitters_) {
    if (s.text == token) {
      throw Error(cat("added_tokens: ", quoted(token), " has the ids ", s.id, " and ", id,
                      "; list each token once, and none that is in the tokenizer's own vocabulary"));
    }
  }
  const auto shorter = std::find_if(splitters_.begin(), splitters_.end(),
                                    [&](const Splitter& s) { return s.text.size() < token.size(); });
  splitters_.insert(shorter, {token, id, swallow_spaces});
}

std::optional<int64_t> AddedTokens::id(std::string_view token) const {
  const auto found = std::find(tokens_.begin(), tokens_.end(), token);
  if (found == tokens_.end()) return std::nullopt;
  return first_id_ + (found - tokens_.begin());
}

void AddedTokens::encode(const MarkedText& marked, const EncodeSegment& encode,
                         std::vector<int64_t>& ids) const {
  const std::string_view text = marked.str();
  const Splitter* before = nullptr;  // the token before the segment
  size_t start = 0;
  const auto segment_until = [&](size_t end, const Splitter* after) {
    std::string_view segment = text.substr(start, end - start);
    if (before && before->swallow_spaces) segment = strip_left(segment);
    if (after && after->swallow_spaces) segment = strip_right(segment);
    if (segment.empty()) return;
    const size_t begin = segment.data() - text.data();
    encode(marked.slice(begin, begin + segment.size()), before == nullptr, ids);
  };
  for (size_t at = 0; at < text.size();) {
    const auto found = std::find_if(splitters_.begin(), splitters_.end(), [&](const Splitter& s) {
      return text.substr(at).starts_with(s.text) && !marked.touches_literal(at, at + s.text.size());
    });
    if (found == splitters_.end()) {
      ++at;
      continue;
    }
    segment_until(at, &*found);
    ids.push_back(found->id);
    before = &*found;
    start = at += found->text.size();
  }
  segment_until(text.size(), nullptr);
}

std::string AddedTokens::decode(const std::vector<int64_t>& ids, bool skip, const DecodeRun& decode) const {
  std::vector<std::string> parts;
  std::vector<int64_t> run;
  const auto close_run = [&] {
    if (!run.empty()) parts.push_back(decode(run));
    run.clear();
  };
  for (const int64_t id : ids) {
    if (id < first_id_) {
      run.push_back(id);
      continue;
    }
    if (id - first_id_ >= static_cast<int64_t>(tokens_.size())) {
      throw Error(cat("can't decode id ", id, ": the tokenizer has ",
                      first_id_ + static_cast<int64_t>(tokens_.size()), " ids"));
    }
    if (skip) continue;
    close_run();
    parts.push_back(tokens_[id - first_id_]);
  }
  close_run();
  return join(parts, " ");
}

}  // namespace flam
