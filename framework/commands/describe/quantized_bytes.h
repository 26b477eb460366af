#pragma once
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "framework/weights/quantize_weights.h"

namespace flam {

/// What quantisation does to the weights of a model.
struct QuantizedBytes {
  std::map<std::string, int64_t> matrices;           // their number by scheme ("int4:32")
  int64_t bytes = 0;                                 // of their values and scales
  std::vector<std::pair<std::string, int64_t>> all;  // bytes of all weights, by the dtype of the others
  std::vector<NotQuantized> left;                    // matrices that do not fit their scheme
};

/// Of a store whose schemes are chosen; `left` is what choose_schemes() returned.
QuantizedBytes quantized_bytes_of(const WeightStore& store, std::vector<NotQuantized> left);
std::string quantized_text(const QuantizedBytes& quantized);
nlohmann::ordered_json quantized_json(const QuantizedBytes& quantized);

}  // namespace flam
