#include "framework/commands/evaluate/predictions.h"

#include <nlohmann/json.hpp>

#include "framework/base/text.h"
#include "framework/report/json.h"

namespace flam {

using Json = nlohmann::ordered_json;

namespace {

Value to_value(const Json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return json.get<int64_t>();
  if (json.is_number()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array()) {
    Value out = Value::list();
    for (const Json& element : json) out.as_list().push_back(to_value(element));
    return out;
  }
  if (!json.is_object()) return {};
  Value out = Value::map();
  for (const auto& [key, value] : json.items()) out.set(key, to_value(value));
  return out;
}

Json candidates_json(const std::vector<Candidate>& candidates) {
  Json out = Json::array();
  for (const Candidate& candidate : candidates) {
    out.push_back({{"text", candidate.text},
                   {"logprob", candidate.logprob},
                   {"score", candidate.score},
                   {"probability", candidate.probability}});
  }
  return out;
}

StoredPrediction prediction_of(const Json& json) {
  StoredPrediction out;
  out.index = json.at("index").get<int64_t>();
  if (out.index < 0) throw Error("`index` is negative");
  out.record.request.id = json.at("id").get<std::string>();
  out.record.kind = json.value("kind", "");
  if (json.contains("question"))
    out.record.request.parts.push_back({Part::Kind::text, json["question"].get<std::string>(), {}});
  out.record.references = json.value("references", std::vector<std::string>());
  if (json.contains("facts")) out.record.facts = to_value(json["facts"]);
  out.shots = json.value("shots", std::vector<std::string>());
  out.picture_of = json.value("picture_of", "");
  out.prompt = json.value("prompt", "");
  out.key = json.at("key").get<std::string>();
  if (json.contains("error")) {
    out.error = json["error"].get<std::string>();
    return out;
  }
  out.prediction.text = json.at("answer").get<std::string>();
  out.raw = json.value("raw", "");
  if (json.contains("logprob")) out.logprob = json["logprob"].get<double>();
  for (const Json& candidate : json.value("candidates", Json::array())) {
    out.prediction.candidates.push_back(
        {candidate.at("text").get<std::string>(), candidate.at("logprob").get<double>(),
         candidate.at("score").get<double>(), candidate.at("probability").get<double>()});
  }
  return out;
}

}  // namespace

std::string question_of(const Request& request) {
  std::vector<std::string> texts;
  for (const Part& part : request.parts)
    if (part.kind == Part::Kind::text) texts.push_back(part.text);
  return join(texts, " ");
}

Json prediction_json(const StoredPrediction& prediction) {
  const Record& record = prediction.record;
  Json out = {{"index", prediction.index}, {"id", record.request.id}};
  const auto add = [&](const char* name, const auto& value) {
    if (!value.empty()) out[name] = value;
  };
  add("kind", record.kind);
  add("question", question_of(record.request));
  add("shots", prediction.shots);
  add("picture_of", prediction.picture_of);
  add("prompt", prediction.prompt);
  if (prediction.error) {
    out["error"] = *prediction.error;
  } else {
    out["answer"] = prediction.prediction.text;
    add("raw", prediction.raw);
    if (prediction.logprob) out["logprob"] = *prediction.logprob;
    add("candidates", candidates_json(prediction.prediction.candidates));
  }
  add("references", record.references);
  if (!record.facts.is_null()) out["facts"] = to_json(record.facts);
  out["key"] = prediction.key;
  return out;
}

StoredPrediction parse_prediction(const std::string& line, const Location& where) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) throw Error(where, cat("not a JSON object: ", quoted(printable(line, 60))));
  try {
    return prediction_of(json);
  } catch (const std::exception& error) {
    const std::string what = error.what();
    throw Error(where, cat("not a prediction that `flam evaluate --output` wrote: ",
                           printable(what.substr(what.find("] ") + 1))));
  }
}

}  // namespace flam
