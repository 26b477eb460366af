#pragma once
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/recipe/import/import.h"
#include "tests/integration/golden_config.h"
#include "tests/support/scratch.h"

namespace flam::test {

/// A copy of llava_tiny's model folder without its weights.
class Import : public testing::Test {
 protected:
  using json = nlohmann::json;

  Import() {
    for (const auto& entry :
         std::filesystem::directory_iterator(test::golden_root() / "llava_tiny" / "model")) {
      if (entry.path().extension() != ".safetensors")
        std::filesystem::copy_file(entry.path(), folder_ / entry.path().filename().string());
    }
  }
  template <class Edit>
  void edit(const std::string& name, const Edit& edit) {
    json file = json::parse(read_file(folder_ / name, 1 << 20));
    edit(file);
    std::ofstream(folder_ / name) << file.dump(1);
  }
  void set(const char* pointer, const json& value, const std::string& name = "config.json") {
    edit(name, [&](json& file) { file[json::json_pointer(pointer)] = value; });
  }
  Value import() const { return import_model(folder_.path().string()); }
  std::string refusal() const {
    return error_of([&] { import(); });
  }
  Value at(std::initializer_list<const char*> keys) const {
    const Value config = import();
    const Value* value = &config;
    for (const char* key : keys) value = value ? value->find(key) : nullptr;
    return value ? *value : Value();
  }

  test::Scratch folder_;
};

}  // namespace flam::test
