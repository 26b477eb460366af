#include "framework/session/record_key.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "framework/base/hash.h"
#include "framework/report/json.h"
#include "framework/request/request_json.h"

namespace flam {

using Json = nlohmann::ordered_json;

namespace {

constexpr size_t kDigits = 16;

uint64_t number_of(const std::string& digits) {
  return std::stoull(digits, nullptr, 16);
}

}  // namespace

std::string short_hash(std::string_view text) {
  return sha256(text).substr(0, kDigits);
}

uint64_t request_key(const Request& request) {
  Json json = request_json(request);
  for (const Part& part : request.parts) {
    for (const PictureSource& picture : part.pictures) {
      if (picture.bytes) json["bytes"].push_back(sha256(*picture.bytes));
    }
  }
  return number_of(short_hash(json_line(json)));
}

uint64_t id_key(const std::string& id) {
  return number_of(short_hash(id));
}

std::string record_key(const std::string& run, uint64_t request) {
  char digits[kDigits + 1];
  (void)std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(request));
  return run + "-" + digits;
}

std::optional<RecordKey> parse_record_key(const Json& record) {
  const auto found = record.find("key");
  if (found == record.end() || !found->is_string()) return std::nullopt;
  const std::string key = found->get<std::string>();
  if (key.size() != 2 * kDigits + 1 || key[kDigits] != '-') return std::nullopt;
  if (key.find_first_not_of("0123456789abcdef-") != std::string::npos ||
      std::count(key.begin(), key.end(), '-') != 1)
    return std::nullopt;
  return RecordKey{key.substr(0, kDigits), number_of(key.substr(kDigits + 1))};
}

}  // namespace flam
