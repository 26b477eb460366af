#include "framework/report/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "framework/config/config.h"

namespace flam {
namespace {

TEST(Json, ConversionKeepsTypes) {
  EXPECT_EQ(to_json(parse_yaml("{a: [1, 2.5, x, true, null], b: {c: {}}}", "f")).dump(),
            R"({"a":[1,2.5,"x",true,null],"b":{"c":{}}})");
}

TEST(Json, ALineHasNoControlCharacters) {
  EXPECT_EQ(json_line("a\x7f\xc2\x80\xc2\xa0ü\x1b"), "\"a\\u007f\\u0080\xc2\xa0ü\\u001b\"");
  EXPECT_EQ(json_line("\xff"), "\"\xef\xbf\xbd\"");  // not UTF-8
}

}  // namespace
}  // namespace flam
