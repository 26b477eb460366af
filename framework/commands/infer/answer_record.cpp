#include "framework/commands/infer/answer_record.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "framework/base/hash.h"
#include "framework/base/text.h"
#include "framework/device/dtype.h"
#include "framework/report/json.h"
#include "framework/request/request_json.h"
#include "framework/session/session_parts.h"

namespace flam {

using Json = nlohmann::ordered_json;

namespace {

constexpr size_t kDigits = 16;
const std::vector<std::string> kLastColumns = {"confidence", "error", "key"};

std::string short_hash(const std::string& text) {
  return sha256(text).substr(0, kDigits);
}

uint64_t number_of(const std::string& digits) {
  return std::stoull(digits, nullptr, 16);
}

}  // namespace

std::string run_key(const Session& session, const GenerationParams& generation, const InputOptions& inputs) {
  Json run = to_json(session.config().resolved());
  // These do not change an answer. The weights are known by their hashes, wherever they are.
  for (const char* part : {"dataset", "metrics", "train", "meta"}) run.erase(part);
  if (run.contains("weights") && run["weights"].is_object()) run["weights"].erase("root");
  GenerationParams params = generation;
  run["generation"] = to_json(write_params(ParamsRef(params)));
  for (const auto& [file, hash] : session.parts().weight_hashes) run["sha256"].push_back(hash);
  if (session.options().weights == "random") run["weights_seed"] = session.options().weights_seed;
  run["dtype"] = dtype_name(session.model().dtype());
  run["question"] = inputs.question;
  run["shots"] = inputs.shots;
  run["candidates"] = inputs.candidates;
  return short_hash(json_line(run));
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
  const std::string key = record_text(record, "key");
  if (key.size() != 2 * kDigits + 1 || key[kDigits] != '-') return std::nullopt;
  if (key.find_first_not_of("0123456789abcdef-") != std::string::npos ||
      std::count(key.begin(), key.end(), '-') != 1)
    return std::nullopt;
  return RecordKey{key.substr(0, kDigits), number_of(key.substr(kDigits + 1))};
}

std::string record_text(const Json& record, const std::string& member) {
  const auto found = record.find(member);
  if (found == record.end()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

std::vector<std::string> answer_fields(const Json& record) {
  std::vector<std::string> fields;
  for (const auto& [name, value] : record.items()) {
    if (name == "confidence" || name == "error") break;
    if (name != "id") fields.push_back(name);
  }
  return fields;
}

std::vector<std::string> csv_header(const std::vector<std::string>& fields) {
  std::vector<std::string> header = {"id"};
  header.insert(header.end(), fields.begin(), fields.end());
  header.insert(header.end(), kLastColumns.begin(), kLastColumns.end());
  return header;
}

std::vector<std::string> csv_of_record(const Json& record, const std::vector<std::string>& fields) {
  std::vector<std::string> row = csv_header(fields);
  for (std::string& cell : row) cell = record_text(record, cell);
  return row;
}

Json record_of_csv(const std::vector<std::string>& row, const std::vector<std::string>& header,
                   const Location& where) {
  if (row.size() != header.size())
    throw Error(where,
                cat("a row of ", row.size(), " columns; expected ", header.size(), " as in the header"));
  const bool failed = !row[row.size() - 2].empty();
  Json record;
  for (size_t i = 0; i < row.size(); ++i) {
    const bool answer = i > 0 && i + kLastColumns.size() < row.size();
    if (header[i] == "confidence" && !row[i].empty()) {
      double confidence = 0;
      const char* end = row[i].data() + row[i].size();
      if (std::from_chars(row[i].data(), end, confidence).ptr != end || !std::isfinite(confidence))
        throw Error(where, cat("the confidence ", quoted(row[i]), " is not a number"));
      record["confidence"] = confidence;
    } else if (!row[i].empty() || (answer && !failed)) {
      record[header[i]] = row[i];
    }
  }
  return record;
}

}  // namespace flam
