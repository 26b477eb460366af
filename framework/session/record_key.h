#pragma once
// Keys of records that a run stores: by which run, and of which request. A run that is continued finds the
// records that it has already, and never mixes them with those of another run.

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "framework/component/types.h"

namespace flam {

/// The first 16 hexadecimal digits of the SHA-256 of a text.
FLAM_API std::string short_hash(std::string_view text);

/// A hash of a request: of its id, parts and candidates. Of a file's picture it has the path, not the pixels.
uint64_t request_key(const Request& request);
uint64_t id_key(const std::string& id);

/// The member "key" of a record: "RUN-REQUEST", 16 hexadecimal digits each.
std::string record_key(const std::string& run, uint64_t request);
struct RecordKey {
  std::string run;
  uint64_t request = 0;
};
std::optional<RecordKey> parse_record_key(const nlohmann::ordered_json& record);

}  // namespace flam
