// The values of quantised blocks, equal to those of dequantize() of the Python package `gguf` 0.19
// (quants.py) bit for bit. This file is compiled without contraction of products and sums.
#include "framework/weights/formats/gguf_blocks.h"

#include <c10/util/Half.h>

#include <cstring>

#include "framework/base/text.h"

namespace flam {

namespace {

constexpr int kSmall = 32, kLarge = 256;  // elements of a block

float half(const uint8_t* at) {
  uint16_t bits;
  std::memcpy(&bits, at, sizeof bits);
  return c10::detail::fp16_ieee_to_fp32_value(bits);
}

/// Calls `put` with the index of each element of a small block, its low four bits, and its fifth.
template <class Put>
void each_small(const uint8_t* low, uint32_t fifth, const Put& put) {
  for (int i = 0; i < kSmall / 2; ++i) {
    put(i, (low[i] & 15) | ((fifth >> i) & 1) << 4);
    put(i + kSmall / 2, (low[i] >> 4) | ((fifth >> (i + kSmall / 2)) & 1) << 4);
  }
}

uint32_t word(const uint8_t* at) {
  uint32_t bits;
  std::memcpy(&bits, at, sizeof bits);
  return bits;
}

void q4_0(const uint8_t* block, float* out) {
  const float d = half(block);
  each_small(block + 2, 0,
             [&](int i, uint32_t q) { out[i] = d * static_cast<float>(static_cast<int>(q) - 8); });
}

void q4_1(const uint8_t* block, float* out) {
  const float d = half(block), m = half(block + 2);
  each_small(block + 4, 0, [&](int i, uint32_t q) { out[i] = d * static_cast<float>(q) + m; });
}

void q5_0(const uint8_t* block, float* out) {
  const float d = half(block);
  each_small(block + 6, word(block + 2),
             [&](int i, uint32_t q) { out[i] = d * static_cast<float>(static_cast<int>(q) - 16); });
}

void q5_1(const uint8_t* block, float* out) {
  const float d = half(block), m = half(block + 2);
  each_small(block + 8, word(block + 4), [&](int i, uint32_t q) { out[i] = d * static_cast<float>(q) + m; });
}

void q8_0(const uint8_t* block, float* out) {
  const float d = half(block);
  for (int i = 0; i < kSmall; ++i) out[i] = static_cast<float>(static_cast<int8_t>(block[2 + i])) * d;
}

/// Scales and minima of eight groups of 32, six bits each, in twelve bytes.
void scales_and_minima(const uint8_t* packed, float d, float dmin, float* scales, float* minima) {
  for (int j = 0; j < 4; ++j) {
    const uint8_t s = packed[j], m = packed[j + 4], both = packed[j + 8];
    scales[j] = d * static_cast<float>(s & 63);
    minima[j] = dmin * static_cast<float>(m & 63);
    scales[j + 4] = d * static_cast<float>((both & 15) | (s >> 2 & 48));
    minima[j + 4] = dmin * static_cast<float>(both >> 4 | (m >> 2 & 48));
  }
}

/// Q4_K (without `high`) and Q5_K.
void q4_or_q5(const uint8_t* block, const uint8_t* high, const uint8_t* low, float* out) {
  float scales[8], minima[8];
  scales_and_minima(block + 4, half(block), half(block + 2), scales, minima);
  for (int group = 0; group < 8; ++group) {
    for (int i = 0; i < 32; ++i) {
      const int nibble = low[group / 2 * 32 + i] >> (group % 2 * 4) & 15;
      const int q = nibble | (high ? (high[i] >> group & 1) << 4 : 0);
      out[group * 32 + i] = scales[group] * static_cast<float>(q) - minima[group];
    }
  }
}

void q4_k(const uint8_t* block, float* out) {
  q4_or_q5(block, nullptr, block + 16, out);
}

void q5_k(const uint8_t* block, float* out) {
  q4_or_q5(block, block + 16, block + 48, out);
}

void q6_k(const uint8_t* block, float* out) {
  const uint8_t *low = block, *high = block + 128, *scales = block + 192;
  const float d = half(block + 208);
  for (int i = 0; i < kLarge; ++i) {
    const int part = i / 128, group = i % 128 / 32, place = i % 32;
    const int nibble = low[part * 64 + group % 2 * 32 + place] >> (group / 2 * 4) & 15;
    const int q = (nibble | (high[part * 32 + place] >> (group * 2) & 3) << 4) - 32;
    out[i] = d * static_cast<float>(static_cast<int8_t>(scales[i / 16])) * static_cast<float>(q);
  }
}

constexpr GgufTensorType kTypes[] = {
    {0, at::kFloat, {"F32", 1, 4, nullptr}},       {1, at::kHalf, {"F16", 1, 2, nullptr}},
    {30, at::kBFloat16, {"BF16", 1, 2, nullptr}},  {28, at::kDouble, {"F64", 1, 8, nullptr}},
    {2, at::kFloat, {"Q4_0", kSmall, 18, q4_0}},   {3, at::kFloat, {"Q4_1", kSmall, 20, q4_1}},
    {6, at::kFloat, {"Q5_0", kSmall, 22, q5_0}},   {7, at::kFloat, {"Q5_1", kSmall, 24, q5_1}},
    {8, at::kFloat, {"Q8_0", kSmall, 34, q8_0}},   {12, at::kFloat, {"Q4_K", kLarge, 144, q4_k}},
    {13, at::kFloat, {"Q5_K", kLarge, 176, q5_k}}, {14, at::kFloat, {"Q6_K", kLarge, 210, q6_k}},
    {24, at::kChar, {"I8", 1, 1, nullptr}},        {25, at::kShort, {"I16", 1, 2, nullptr}},
    {26, at::kInt, {"I32", 1, 4, nullptr}},        {27, at::kLong, {"I64", 1, 8, nullptr}},
};

// Types that llama.cpp has beside these (ggml.h, enum ggml_type).
constexpr std::pair<uint32_t, const char*> kUnsupported[] = {
    {9, "Q8_1"},     {10, "Q2_K"},  {11, "Q3_K"},   {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"},
    {18, "IQ3_XXS"}, {19, "IQ1_S"}, {20, "IQ4_NL"}, {21, "IQ3_S"}, {22, "IQ2_S"},   {23, "IQ4_XS"},
    {29, "IQ1_M"},   {34, "TQ1_0"}, {35, "TQ2_0"},  {39, "MXFP4"}, {40, "NVFP4"},   {41, "Q1_0"}};

}  // namespace

const GgufTensorType* gguf_tensor_type(uint32_t id) {
  for (const GgufTensorType& type : kTypes) {
    if (type.id == id) return &type;
  }
  return nullptr;
}

std::string gguf_tensor_type_name(uint32_t id) {
  if (const GgufTensorType* type = gguf_tensor_type(id)) return type->blocks.name;
  for (const auto& [number, name] : kUnsupported) {
    if (number == id) return name;
  }
  return cat("number ", id);
}

std::string supported_gguf_tensor_types() {
  std::vector<std::string> names;
  for (const GgufTensorType& type : kTypes) names.emplace_back(type.blocks.name);
  return join(names, ", ");
}

}  // namespace flam
