// What a unit of an experiment leaves in the output folder: its result, or why there is none.

#include "framework/base/file.h"
#include "framework/run/compare_plan.h"

namespace flam {

namespace {

constexpr size_t kMostOfAResult = size_t{256} << 20;

}  // namespace

const nlohmann::ordered_json* CompareUnit::result() const {
  if (result_) return &*result_;
  std::error_code ignored;
  if (!std::filesystem::exists(file(".json"), ignored)) return nullptr;
  if (kind == Kind::train && !std::filesystem::exists(file(".safetensors"), ignored)) return nullptr;
  try {
    auto stored = nlohmann::ordered_json::parse(read_file(file(".json"), kMostOfAResult));
    if (stored.at("key") == key) result_ = std::move(stored);
  } catch (const std::exception&) {
    // not ours, or broken: done again
  }
  return result_ ? &*result_ : nullptr;
}

std::optional<std::string> CompareUnit::failure() const {
  std::error_code ignored;
  if (!std::filesystem::exists(file(".failed.json"), ignored)) return {};
  try {
    const auto stored = nlohmann::json::parse(read_file(file(".failed.json"), kMostOfAResult));
    if (stored.at("key") == key) return stored.at("reason").get<std::string>();
  } catch (const std::exception&) {
    // not ours, or broken: not known to have failed
  }
  return {};
}

void CompareUnit::keep_failure(const std::string& reason) const {
  const nlohmann::ordered_json stored = {{"unit", name}, {"key", key}, {"reason", reason}};
  write_file(file(".failed.json"),
             stored.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void CompareUnit::forget_failure() const {
  std::error_code ignored;  // the result counts, with or without it
  std::filesystem::remove(file(".failed.json"), ignored);
}

}  // namespace flam
