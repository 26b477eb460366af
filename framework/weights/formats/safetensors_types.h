#pragma once
#include <c10/core/ScalarType.h>

#include <array>
#include <optional>
#include <string_view>

namespace flam {

inline constexpr std::array<std::pair<std::string_view, at::ScalarType>, 10> kSafetensorsTypes{{
    {"F64", at::kDouble},
    {"F32", at::kFloat},
    {"F16", at::kHalf},
    {"BF16", at::kBFloat16},
    {"I64", at::kLong},
    {"I32", at::kInt},
    {"I16", at::kShort},
    {"I8", at::kChar},
    {"U8", at::kByte},
    {"BOOL", at::kBool},
}};

inline std::optional<at::ScalarType> safetensors_dtype(std::string_view name) {
  for (const auto& [known, dtype] : kSafetensorsTypes) {
    if (known == name) return dtype;
  }
  return std::nullopt;
}

}  // namespace flam
