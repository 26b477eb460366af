#pragma once
// What a model answered to the records of a dataset, as it is stored: one JSON object for each record.

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "framework/base/error.h"
#include "framework/component/metric.h"

namespace flam {

struct StoredPrediction {
  int64_t index = 0;  // of the record in the dataset
  /// Id, question, references, kind and facts; no pictures.
  Record record;
  std::vector<std::string> shots;    // ids of the examples before the query
  std::string picture_of;            // control `swapped`: id of the record whose picture was shown
  std::string prompt;                // with media markers
  Prediction prediction;             // the answer that is scored, and candidates with their scores
  std::string raw;                   // generated text before the task head made an answer of it
  std::optional<double> logprob;     // of the generated tokens, or of the chosen candidate
  std::optional<std::string> error;  // instead of the answer
  std::string key;                   // see record_key()
};

/// The text parts of a request, joined.
std::string question_of(const Request& request);

/// The members in order: "index", "id", "kind", "question", "shots", "picture_of", "prompt", "answer", "raw",
/// "logprob", "candidates", "error", "references", "facts", "key". Those that are empty are left out.
nlohmann::ordered_json prediction_json(const StoredPrediction& prediction);

/// Reads what prediction_json() writes, from one line. Error: it is something else.
StoredPrediction parse_prediction(const std::string& line, const Location& where);

}  // namespace flam
