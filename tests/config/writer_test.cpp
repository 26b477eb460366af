#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cfloat>
#include <cmath>

#include "framework/config/config.h"

namespace flam {
namespace {

void expect_round_trip(const Value& value) {
  const std::string yaml = write_yaml(value);
  EXPECT_EQ(parse_yaml(yaml, "print"), value) << yaml;
  EXPECT_EQ(write_yaml(parse_yaml(yaml, "print")), yaml);
  EXPECT_EQ(parse_yaml(write_yaml(value, {.origins = true}), "print"), value);
}

TEST(Writer, Layout) {
  const Value tree = parse_yaml("a: {b: [1, x], c: {}, d: []}\ne: [{f: 1, g: null}, [2, [3]]]\n", "f");
  EXPECT_EQ(write_yaml(tree), R"(a:
  b: [1, x]
  c: {}
  d: []
e:
  - f: 1
    g: null
  - - 2
    - [3]
)");
  expect_round_trip(tree);
}

TEST(Writer, Origins) {
  Value tree = parse_yaml("a: 1\nb:\n  c: [x]\n", "dir/f.yaml");
  tree.set("d", 2);
  EXPECT_EQ(write_yaml(tree, {.origins = true}), R"(a: 1  # dir/f.yaml:1
b:
  c: [x]  # dir/f.yaml:3
d: 2  # default
)");
}

TEST(Writer, FloatsStayFloats) {
  Value::List numbers;
  for (const double number :
       {-2.0, 0.0, -0.0, 1e-05, 1e20, 1e300, 0.1, 1.0 / 3.0, 122.770938, 5e-324, DBL_MAX}) {
    numbers.push_back(number);
  }
  EXPECT_EQ(write_yaml(Value(-2.0)), "-2.0\n");
  EXPECT_EQ(write_yaml(Value(1e-05)), "1e-05\n");
  for (const double number : {double(INFINITY), -double(INFINITY), double(NAN)}) numbers.push_back(number);
  for (const int64_t number : {INT64_MIN, INT64_MAX, int64_t{0}}) numbers.push_back(number);
  expect_round_trip(numbers);
}

TEST(Writer, TextStaysText) {
  Value::List texts;
  Value map = Value::map();
  for (const char* text : {"",
                           " ",
                           "x ",
                           " x",
                           "1",
                           "012",
                           "-1",
                           "1e5",
                           "1_000",
                           ".5",
                           ".inf",
                           ".nan",
                           "~",
                           "null",
                           "Null",
                           "true",
                           "True",
                           "yes",
                           "off",
                           "0x1f",
                           "0o7",
                           "-",
                           "- a",
                           "?",
                           "? a",
                           "a: b",
                           "a:",
                           "a #b",
                           "#a",
                           "a#b",
                           "[a",
                           "{a}",
                           "${configs}/x",
                           "a, b",
                           "&a",
                           "*a",
                           "!a",
                           "|",
                           ">",
                           "%a",
                           "@a",
                           "`a",
                           "'",
                           "\"",
                           "it's",
                           "a\\n",
                           "say \"x\"",
                           "\\",
                           "a\nb",
                           "\n",
                           "\n\n",
                           "a\n",
                           "  a\n b",
                           "\ta",
                           "a\tb",
                           "\x01\x1b",
                           "é 漢 \U0001F9A9",
                           "\xc2\x85",
                           "\xe2\x80\xa8",
                           "\xef\xbb\xbf",
                           "---",
                           "...",
                           "--- a",
                           "<<",
                           "=",
                           "a\r\nb",
                           "/abs/path",
                           "../x.yaml",
                           "_base_",
                           "C:\\x",
                           "<image>Output:{caption}<|endofchunk|>"}) {
    texts.push_back(text);
    map.set(text, text);
    expect_round_trip(Value(text));
  }
  expect_round_trip(texts);
  expect_round_trip(map);
  expect_round_trip(Value(std::string(5000, 'x')));
  expect_round_trip(Value(Value::List(200, Value("a b"))));
}

TEST(Writer, RefusesTextThatIsNotUtf8) {
  EXPECT_THROW(write_yaml(Value("\xff")), Error);
}

TEST(Writer, Json) {
  EXPECT_EQ(write_json(parse_yaml("{a: [1, 2.0, .nan], b: \"é\\n\\\"\", c: null, d: true}", "f")),
            "{\"a\":[1,2.0,null],\"b\":\"é\\n\\\"\",\"c\":null,\"d\":true}");
  EXPECT_EQ(write_json(Value("\xff")), "\"\xef\xbf\xbd\"");
}

}  // namespace
}  // namespace flam
