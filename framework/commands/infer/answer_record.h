#pragma once
// The records of an output file: what `flam infer --json` prints for a request, and a key that tells how the
// answer was made.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "framework/base/error.h"
#include "framework/request/request_source.h"
#include "framework/session/record_key.h"
#include "framework/session/session.h"

namespace flam {

/// Hexadecimal digits that are equal for runs whose answers may stand in one file: it is a hash of the model,
/// its weights and dtype, the generation options, and the question, shots and candidates of the command line.
/// The session must have been opened with RunOptions::hash_weights.
std::string run_key(const Session& session, const GenerationParams& generation, const InputOptions& inputs);

/// A member of a record as text; "" if there is none.
std::string record_text(const nlohmann::ordered_json& record, const std::string& member);

/// The members of a record that hold its answer, in order, e.g. {"pred_caption"}: those between its id and
/// its confidence or error.
std::vector<std::string> answer_fields(const nlohmann::ordered_json& record);

/// The columns of a CSV file of records: "id", `fields`, "confidence", "error", "key".
std::vector<std::string> csv_header(const std::vector<std::string>& fields);
std::vector<std::string> csv_of_record(const nlohmann::ordered_json& record,
                                       const std::vector<std::string>& fields);
/// Error: the row does not fit the header, or its confidence is not a number.
nlohmann::ordered_json record_of_csv(const std::vector<std::string>& row,
                                     const std::vector<std::string>& header, const Location& where);

}  // namespace flam
