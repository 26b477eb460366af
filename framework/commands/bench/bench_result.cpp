#include "framework/commands/bench/bench_result.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "framework/base/error.h"
#include "framework/base/text.h"

namespace flam {

using Json = nlohmann::ordered_json;

namespace {

constexpr const char* kSchema = "flam bench 1";  // increased when the meaning of a key changes

Json json_of(const Spread& spread) {
  return {{"median", spread.median}, {"q1", spread.q1}, {"q3", spread.q3}};
}

Json json_of(const StageResult& stage) {
  const bool memory = stage.limit.memory_ms > stage.limit.matrix_ms;
  return {{"ms", stage.ms.median},
          {"q1_ms", stage.ms.q1},
          {"q3_ms", stage.ms.q3},
          {"runs", stage.ms.runs},
          {"limit_ms", stage.limit.ms()},
          {"fraction", stage.fraction()},
          {"bound", memory ? "memory" : "matrix"},
          {"matrix_limit_ms", stage.limit.matrix_ms},
          {"memory_limit_ms", stage.limit.memory_ms},
          {"flops", stage.flops},
          {"bytes", stage.bytes},
          {"operators", stage.operators},
          {"item", stage.item},
          {"items", stage.items},
          {"items_per_second", stage.per_second()}};
}

/// Reads members of a JSON object, and says which one is wrong.
class Reader {
 public:
  Reader(const Json& json, std::string place, const std::string& name)
      : json_(json), place_(std::move(place)), name_(name) {
    if (!json.is_object())
      fail(place_.empty() ? "the text" : place_.substr(0, place_.size() - 1), "an object");
  }
  std::string text(const char* key) const {
    const Json& value = member(key);
    if (!value.is_string()) fail(place_ + key, "a text");
    return value.get<std::string>();
  }
  double number(const char* key) const {
    const Json& value = member(key);
    if (!value.is_number() || !std::isfinite(value.get<double>()) || value.get<double>() < 0)
      fail(place_ + key, "a number that is not negative");
    return value.get<double>();
  }
  double positive(const char* key) const {
    const double value = number(key);
    if (value == 0) fail(place_ + key, "a number above 0");
    return value;
  }
  int64_t count(const char* key) const {
    if (!member(key).is_number_integer()) fail(place_ + key, "a whole number");
    number(key);
    return member(key).get<int64_t>();
  }
  Reader object(const char* key) const { return {member(key), place_ + key + ".", name_}; }
  Spread spread(const char* key) const {
    const Reader in = object(key);
    return {in.positive("median"), in.positive("q1"), in.positive("q3")};
  }
  const Json& json() const { return json_; }
  const Json& member(const char* key) const {
    if (!json_.contains(key)) fail(place_ + key, "a value, but there is none");
    return json_[key];
  }
  [[noreturn]] void fail(const std::string& what, const char* expected) const {
    throw Error(cat(quoted(name_), " is not what `flam bench --json` prints: ", printable(what), " must be ",
                    expected));
  }

 private:
  const Json& json_;
  std::string place_;
  const std::string& name_;
};

StageResult read_stage(const std::string& name, const Reader& in) {
  StageResult stage;
  stage.name = name;
  stage.ms = {in.positive("ms"), in.positive("q1_ms"), in.positive("q3_ms"), in.count("runs")};
  stage.limit = {in.number("matrix_limit_ms"), in.number("memory_limit_ms")};
  if (stage.limit.ms() == 0) in.fail("stages." + name, "a stage with a limit above 0");
  stage.flops = in.number("flops");
  stage.bytes = in.number("bytes");
  if (in.json().contains("operators")) stage.operators = in.number("operators");
  stage.item = in.text("item");
  stage.items = in.count("items");
  return stage;
}

}  // namespace

const StageResult* BenchResult::find(const std::string& stage) const {
  for (const StageResult& one : stages) {
    if (one.name == stage) return &one;
  }
  return nullptr;
}

Json bench_json(const BenchResult& result) {
  Json out = {{"schema", kSchema},
              {"config", result.config},
              {"set", result.set},
              {"weights", result.weights},
              {"device", result.device},
              {"dtype", result.dtype},
              {"threads", result.threads},
              {"prompt_tokens", result.shape.prompt_tokens},
              {"images", result.shape.images},
              {"new_tokens", result.shape.new_tokens},
              {"num_beams", result.shape.num_beams},
              {"batch_size", result.shape.batch_size},
              {"repeat", result.repeat}};
  if (!result.quantize.empty()) out["quantize"] = result.quantize;
  out["machine"] = {{"bytes_per_second", json_of(result.bytes_per_second)},
                    {"flops_per_second", json_of(result.flops_per_second)},
                    {"buffer_bytes", result.buffer_bytes}};
  if (const StageResult* step = result.find("decode_step")) {
    out["tokens_per_second"] = step->per_second();
    out["bytes_per_step"] = step->bytes;
  }
  out["stages"] = Json::object();
  for (const StageResult& stage : result.stages) out["stages"][stage.name] = json_of(stage);
  return out;
}

BenchResult read_bench(const std::string& json, const std::string& name) {
  const auto shallow = [](int depth, Json::parse_event_t, Json&) {
    if (depth > 16) throw Error("nested too deeply");
    return true;
  };
  Json parsed;
  try {
    parsed = Json::parse(json, shallow);
  } catch (const std::exception& error) {
    throw Error(cat(quoted(name), " is not what `flam bench --json` prints: it is not JSON (",
                    printable(error.what()), ")"));
  }
  const Reader in(parsed, "", name);
  if (const std::string schema = in.text("schema"); schema != kSchema) {
    throw Error(cat(quoted(name), " was written by another version: its `schema` is ", quoted(schema),
                    ", expected ", quoted(kSchema), "; measure it again with this one"));
  }
  BenchResult out;
  out.config = in.text("config");
  if (!in.member("set").is_array()) in.fail("set", "a list");
  for (const Json& one : in.member("set")) {
    if (!one.is_string()) in.fail("set", "a list of texts");
    out.set.push_back(one.get<std::string>());
  }
  out.weights = in.text("weights");
  out.device = in.text("device");
  out.dtype = in.text("dtype");
  if (in.json().contains("quantize")) out.quantize = in.text("quantize");
  out.threads = in.count("threads");
  out.shape = {in.count("prompt_tokens"), in.count("images"), in.count("new_tokens"), in.count("num_beams"),
               in.count("batch_size")};
  out.repeat = in.count("repeat");
  const Reader machine = in.object("machine");
  out.bytes_per_second = machine.spread("bytes_per_second");
  out.flops_per_second = machine.spread("flops_per_second");
  out.buffer_bytes = machine.count("buffer_bytes");
  const Reader stages = in.object("stages");
  for (const auto& [stage, value] : stages.json().items())
    out.stages.push_back(read_stage(stage, Reader(value, "stages." + stage + ".", name)));
  return out;
}

}  // namespace flam
