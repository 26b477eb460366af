#include "framework/commands/bench/trace.h"

#include <nlohmann/json.hpp>

namespace flam {

using Json = nlohmann::ordered_json;

namespace {

constexpr int kStages = 1, kOperators = 2;  // rows

Json event(const std::string& name, int row, double start_ms, double ms) {
  return {{"name", name}, {"ph", "X"}, {"pid", 1}, {"tid", row}, {"ts", 1e3 * start_ms}, {"dur", 1e3 * ms}};
}

Json row_name(int row, const char* name) {
  return {{"name", "thread_name"}, {"ph", "M"}, {"pid", 1}, {"tid", row}, {"args", {{"name", name}}}};
}

}  // namespace

Json trace_json(const std::vector<RecordedStage>& stages) {
  Json events = Json::array({row_name(kStages, "stages"), row_name(kOperators, "operators")});
  for (const RecordedStage& stage : stages) {
    events.push_back(event(stage.name, kStages, stage.start_ms, stage.ms));
    for (const OperatorCall& call : stage.calls) {
      Json one = event(call.name, kOperators, call.start_ms, call.ms);
      one["args"] = {{"stage", stage.name}, {"shapes", call.shapes}, {"dtype", call.dtype}};
      if (call.flops > 0) one["args"]["flops"] = call.flops;
      if (call.bytes > 0) one["args"]["bytes"] = call.bytes;
      events.push_back(std::move(one));
    }
  }
  return {{"traceEvents", std::move(events)}, {"displayTimeUnit", "ms"}};
}

}  // namespace flam
