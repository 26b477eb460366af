// Configs: parses YAML to values and to parameters, prints them, and reads the output again.
#include "framework/config/config.h"

#include "framework/params/params.h"
#include "tests/fuzz/target.h"
#include "tests/params/sample.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace flam;
  test::refusing([&] {
    const Value value = parse_yaml(std::string(test::as_text(data, size)), "fuzz.yaml");
    if (parse_yaml(write_yaml(value), "printed.yaml") != value) __builtin_trap();
    ErrorList errors;
    Sample sample;
    read_params(ParamsRef(sample), value, "sample", {}, errors);
    errors.throw_if_any();
  });
  return 0;
}
