#include "framework/commands/describe/quantized_bytes.h"

#include <nlohmann/json.hpp>

#include "framework/base/text.h"
#include "framework/report/figures.h"

namespace flam {

QuantizedBytes quantized_bytes_of(const WeightStore& store, std::vector<NotQuantized> left) {
  QuantizedBytes out;
  out.left = std::move(left);
  out.all = {{"float32", 0}, {"bfloat16", 0}, {"float16", 0}};
  for (const auto& slot : store.slots()) {
    if (slot->statistic) continue;
    if (slot->scheme) {
      ++out.matrices[scheme_name(*slot->scheme)];
      out.bytes += stored_bytes(*slot, at::kFloat);
    }
    for (auto& [dtype, bytes] : out.all)
      bytes += stored_bytes(*slot, dtype == "float32" ? at::kFloat : at::kHalf);
  }
  return out;
}

std::string quantized_text(const QuantizedBytes& quantized) {
  std::vector<std::string> counts;
  for (const auto& [scheme, count] : quantized.matrices)
    counts.push_back(cat(count, count == 1 ? " matrix " : " matrices ", scheme));
  std::string out = cat("quantised: ", counts.empty() ? "nothing" : join(counts, ", "), ", ",
                        shortened(static_cast<double>(quantized.bytes), "B"), "; with all others in");
  for (const auto& [dtype, bytes] : quantized.all)
    out += cat("  ", dtype, " ", shortened(static_cast<double>(bytes), "B"));
  out += "\n";
  for (const NotQuantized& matrix : quantized.left)
    out += cat("  not quantised: ", matrix.name, ", which has ", matrix.reason, "\n");
  return out;
}

nlohmann::ordered_json quantized_json(const QuantizedBytes& quantized) {
  nlohmann::ordered_json out;
  out["matrices"] = quantized.matrices;
  out["matrix_bytes"] = quantized.bytes;
  for (const auto& [dtype, bytes] : quantized.all) out["bytes"][dtype] = bytes;
  out["not_quantized"] = nlohmann::ordered_json::array();
  for (const NotQuantized& matrix : quantized.left)
    out["not_quantized"].push_back({{"name", matrix.name}, {"reason", matrix.reason}});
  return out;
}

}  // namespace flam
