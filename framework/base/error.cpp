#include "framework/base/error.h"

#include "framework/base/interrupted.h"
#include "framework/base/text.h"

namespace flam {

std::string Location::str() const {
  std::string out = file ? printable(*file) : std::string();
  if (line > 0) out += ":" + std::to_string(line);
  if (line > 0 && column > 0) out += ":" + std::to_string(column);
  return out;
}

namespace {
std::string located(const Location& where, const std::string& message) {
  const std::string place = where.str();
  return place.empty() ? message : place + ": " + message;
}
}  // namespace

Error::Error(const std::string& message) : std::runtime_error(message) {}
Error::Error(const Location& where, const std::string& message)
    : std::runtime_error(located(where, message)) {}
Error::~Error() = default;
RunError::~RunError() = default;
Interrupted::~Interrupted() = default;

void ErrorList::add(const std::string& message) {
  messages_.push_back(message);
}
void ErrorList::add(const Location& where, const std::string& message) {
  add(located(where, message));
}

void ErrorList::throw_if_any() const {
  if (messages_.empty()) return;
  constexpr size_t kMost = 100;  // more than this come from one mistake, or from a malicious file
  std::vector<std::string> shown = messages_;
  if (shown.size() > kMost) {
    shown.resize(kMost);
    shown.push_back(cat("… and ", messages_.size() - kMost, " more"));
  }
  throw Error(join(shown, "\n"));
}

}  // namespace flam
