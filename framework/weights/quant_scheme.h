#pragma once
#include <cstdint>
#include <string>

namespace flam {

/// How the numbers of a matrix are stored in fewer bits.
struct QuantScheme {
  enum class Type {
    int8,  // one scale for each row
    int4,  // one scale for each `group_size` numbers of a row
  };
  Type type = Type::int8;
  int64_t group_size = 0;  // of int4
  bool operator==(const QuantScheme&) const = default;
};

}  // namespace flam
