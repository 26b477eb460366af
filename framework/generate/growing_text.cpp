#include "framework/generate/growing_text.h"

#include "framework/component/unfinished.h"

namespace flam {

namespace {
constexpr size_t kWindow = 16;  // ids
}

void GrowingText::append(int64_t id) {
  window_.push_back(id);
  const size_t unsettled = unsettled_ ? unsettled_(window_) : 0;
  const std::string decoded =
      unsettled == 0 ? decode_(window_)
                     : decode_({window_.begin(), window_.end() - static_cast<std::ptrdiff_t>(unsettled)});
  const size_t complete = decoded.size() - unfinished_character(decoded);
  if (window_begin_ + complete > text_.size()) {
    text_.resize(window_begin_);
    text_.append(decoded, 0, complete);
  }
  if (window_.size() >= kWindow && unsettled == 0 && complete == decoded.size()) shorten_window(decoded);
}

/// Drops the older half of the window if the newer half has the same text alone as it has after the older
/// half. Its text must not begin with whitespace, which some decoders drop at the start.
void GrowingText::shorten_window(const std::string& decoded) {
  const std::vector<int64_t> newer(window_.begin() + static_cast<std::ptrdiff_t>(window_.size() / 2),
                                   window_.end());
  const std::string text = decode_(newer);
  const bool begins_with_text = text.find_first_not_of(" \t\n\r") == 0;
  if (!begins_with_text || !decoded.ends_with(text)) return;
  window_begin_ += decoded.size() - text.size();
  window_ = newer;
}

}  // namespace flam
