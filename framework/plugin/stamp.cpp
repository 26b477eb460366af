#include "framework/plugin/stamp.h"

#include <cstring>

#include "framework/base/text.h"
#include "framework/plugin/library.h"

namespace flam {

namespace {
/// Reads a fixed-size field of a foreign struct, which may lack the terminating NUL.
template <size_t N>
std::string text_of(const char (&field)[N]) {
  return printable({field, strnlen(field, N)});
}
}  // namespace

std::vector<std::pair<std::string, std::string>> stamp_fields(const FlamPluginStamp& stamp) {
  return {{"SDK version", cat(stamp.sdk_major, ".", stamp.sdk_minor)},
          {"compiler", text_of(stamp.compiler)},
          {"C++ library", text_of(stamp.stdlib_abi)},
          {"libtorch", text_of(stamp.torch)},
          {"SDK headers", text_of(stamp.sdk_headers)}};
}

FlamPluginStamp program_stamp() {
  return make_stamp(FLAM_SDK_HASH, nullptr);
}

std::vector<std::string> compare_stamp(const FlamPluginStamp& theirs) {
  const FlamPluginStamp ours = program_stamp();
  const auto differ = [](const std::string& what, const auto& their, const auto& our) {
    return cat(what, ": plugin has '", their, "', this program '", our, "'");
  };
  // Each field is read only if the fields before it show that it exists.
  if (theirs.magic != ours.magic) {
    return {cat("magic number: plugin has 0x", std::hex, theirs.magic, ", this program 0x", ours.magic)};
  }
  std::vector<std::string> differences;
  if (theirs.size != ours.size) {
    differences.push_back(differ("stamp size", theirs.size, ours.size));
    const auto version = [](const FlamPluginStamp& s) { return cat(s.sdk_major, ".", s.sdk_minor); };
    if (version(theirs) != version(ours)) {
      differences.push_back(differ("SDK version", version(theirs), version(ours)));
    }
    return differences;
  }
  const auto their_fields = stamp_fields(theirs), our_fields = stamp_fields(ours);
  for (size_t i = 0; i < our_fields.size(); ++i) {
    if (their_fields[i] == our_fields[i]) continue;
    differences.push_back(differ(our_fields[i].first, their_fields[i].second, our_fields[i].second));
  }
  return differences;
}

}  // namespace flam
