#include "framework/base/error.h"

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

std::string reason_of(const std::exception& error) {
  const std::string what = error.what(), text = what.substr(0, what.find("\nException raised from"));
  const size_t meta = text.find(": attempted to run this operator with Meta tensors");
  if (text.find("aten::_local_scalar_dense") != std::string::npos && meta != std::string::npos)
    return "reads a value from a tensor (item(), …), and on the meta device, where shapes are checked, there "
           "is none";
  std::string missing;
  if (meta != std::string::npos) missing = text.substr(0, meta);
  if (text.find("convolution_overrideable not implemented") != std::string::npos) missing = "convolution";
  if (missing.empty()) return text;
  return cat("libtorch has no ", missing,
             " for the meta device, where shapes are checked; what the SDK has for it works "
             "there (activate(), ConvNorm, PatchEmbedding, … of framework/nn)");
}

void ErrorList::add(const std::string& message) {
  messages_.push_back(message);
}
void ErrorList::add(const Location& where, const std::string& message) {
  add(located(where, message));
}

void ErrorList::throw_if_any() const {
  if (!messages_.empty()) throw Error(join(messages_, "\n"));
}

}  // namespace flam
