#pragma once
#include <string>
#include <string_view>

#include "framework/sdk.h"

namespace flam {

[[noreturn]] void refuse(const Value& part, const std::string& what);

/// Calls `read`, whose errors get the place of `part`.
template <class Read>
void placed(const Value& part, const Read& read) {
  try {
    read();
  } catch (const Error& error) {
    refuse(part, error.what());
  }
}

/// The member `key` of an object; null if it is absent.
const Value& member(const Value& object, std::string_view key);

/// The text of `type` of an object; "null" for null, and "?" if there is none.
std::string type_of(const Value& part);

}  // namespace flam
