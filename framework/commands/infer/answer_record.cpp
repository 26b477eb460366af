#include "framework/commands/infer/answer_record.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "framework/base/text.h"
#include "framework/device/dtype.h"
#include "framework/report/json.h"
#include "framework/session/session_parts.h"

namespace flam {

using Json = nlohmann::ordered_json;

namespace {

const std::vector<std::string> kLastColumns = {"confidence", "error", "key"};

}  // namespace

std::string run_key(const Session& session, const GenerationParams& generation, const InputOptions& inputs) {
  Json run = to_json(session.config().resolved());
  // These do not change an answer. The weights are known by their hashes, wherever they are.
  for (const char* part : {"dataset", "shots", "metrics", "train", "meta"}) run.erase(part);
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
