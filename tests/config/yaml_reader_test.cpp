#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "framework/config/config.h"

namespace flam {
namespace {

using testing::ElementsAre;

std::string json(const std::string& yaml) {
  return write_json(parse_yaml(yaml, "f"));
}
Value scalar(const std::string& word) {
  return *parse_yaml("a: " + word, "f").find("a");
}

TEST(YamlReader, Scalars) {
  for (const char* word : {"", "~", "null", "# comment"}) EXPECT_TRUE(scalar(word).is_null()) << word;
  EXPECT_TRUE(scalar("true").as_bool());
  EXPECT_FALSE(scalar("false").as_bool());
  for (const char* word :
       {"yes",   "no",   "on",         "off",   "y",     "True",   "TRUE",  "Null",    "NULL",
        "1_000", "1:30", "2020-01-01", "0b1",   "0x",    "-0x1",   "1.5.2", ".",       "+",
        "e5",    "inf",  "nan",        "'012'", "\"1\"", "'true'", "''",    "95e2af0b"}) {
    EXPECT_TRUE(scalar(word).is_string()) << word;
  }
}

TEST(YamlReader, Integers) {
  EXPECT_EQ(scalar("0").as_int(), 0);
  EXPECT_EQ(scalar("-0").as_int(), 0);
  EXPECT_EQ(scalar("+5").as_int(), 5);
  EXPECT_EQ(scalar("0x1F").as_int(), 31);
  EXPECT_EQ(scalar("0o17").as_int(), 15);
  EXPECT_EQ(scalar("9223372036854775807").as_int(), INT64_MAX);
  EXPECT_EQ(scalar("-9223372036854775808").as_int(), INT64_MIN);
}

TEST(YamlReader, Floats) {
  EXPECT_EQ(scalar("1e-5").as_double(), 1e-5);
  EXPECT_EQ(scalar("1E+5").as_double(), 1e5);
  EXPECT_EQ(scalar("-2.0").as_double(), -2.0);
  EXPECT_EQ(scalar("1.").as_double(), 1.0);
  EXPECT_EQ(scalar("+.5").as_double(), 0.5);
  EXPECT_EQ(scalar(".inf").as_double(), INFINITY);
  EXPECT_EQ(scalar("-.Inf").as_double(), -INFINITY);
  for (const char* word : {".inf", ".Inf", ".INF"}) EXPECT_EQ(scalar(word).as_double(), INFINITY) << word;
  for (const char* word : {".nan", ".NaN", ".NAN"}) EXPECT_TRUE(std::isnan(scalar(word).as_double())) << word;
  EXPECT_TRUE(scalar("1e5").is_double());
}

TEST(YamlReader, Collections) {
  EXPECT_EQ(json("a:\n  - 1\n  - b: {c: [x, 'y z']}\n    d:\ne: []\nf: {}\n"),
            R"({"a":[1,{"b":{"c":["x","y z"]},"d":null}],"e":[],"f":{}})");
  EXPECT_EQ(json(R"({"a":1, "b":[true,null,-2.5,"x\n"]})"),
            R"({"a":1,"b":[true,null,-2.5,"x\n"]})");  // JSON is YAML
  EXPECT_EQ(json("- 1\n- [2, 3,]\n"), "[1,[2,3]]");
  EXPECT_EQ(json("3: a\ntrue: b\n'x y': c\n"), R"({"3":"a","true":"b","x y":"c"})");
  for (const char* nothing : {"", "# comment\n", "---\n", "\n\n"}) EXPECT_EQ(json(nothing), "null");
}

TEST(YamlReader, Text) {
  EXPECT_EQ(json("a: >-\n  x\n  y\nb: |\n  x\n    y\n"), R"({"a":"x y","b":"x\n  y\n"})");
  EXPECT_EQ(json("a: 'it''s'\nb: \"\\u00e9\\t\\\"\"\n"), R"({"a":"it's","b":"é\t\""})");
  EXPECT_EQ(json("a: <image>Output:{caption}<|endofchunk|>\n"),
            R"({"a":"<image>Output:{caption}<|endofchunk|>"})");
  EXPECT_EQ(json("a: $HOME/${USER}\n"), R"({"a":"$HOME/${USER}"})");
  EXPECT_EQ(json("\xef\xbb\xbf"
                 "a: 1\r\nb: |\r\n  x\r\n  y\r\n"),
            R"({"a":1,"b":"x\ny\n"})");
}

TEST(YamlReader, Anchors) {
  EXPECT_EQ(json("a: &x {b: 1}\nc: *x\nd: [*x]\n"), R"({"a":{"b":1},"c":{"b":1},"d":[{"b":1}]})");
  EXPECT_EQ(json("a: &x 1\nb: &x 2\nc: *x\n"), R"({"a":1,"b":2,"c":2})");
  EXPECT_EQ(json("&k a: *k"), R"({"a":"a"})");
}

TEST(YamlReader, MergeKeys) {
  EXPECT_EQ(json("x: &x {a: 1, b: 2}\ny: {b: 3, <<: *x}\n"), R"({"x":{"a":1,"b":2},"y":{"b":3,"a":1}})");
  EXPECT_EQ(json("<<: [{a: 1}, {a: 2, b: 2}]\nc: 3\n"), R"({"c":3,"a":1,"b":2})");
  EXPECT_EQ(json("'<<': {a: 1}\n"), R"({"<<":{"a":1}})");
}

TEST(YamlReader, PlacesCountCharacters) {
  const Value tree = parse_yaml("a: 1\nü: {é: 2,\n  b: [3, 'x']}\n", "dir/f.yaml");
  EXPECT_EQ(tree.find("a")->where().str(), "dir/f.yaml:1:4");
  const Value& map = *tree.find("ü");
  EXPECT_EQ(map.where().str(), "dir/f.yaml:2:4");
  EXPECT_EQ(map.find("é")->where().str(), "dir/f.yaml:2:8");
  EXPECT_EQ(map.as_map()[1].key_where.str(), "dir/f.yaml:3:3");
  EXPECT_EQ(map.find("b")->as_list()[1].where().str(), "dir/f.yaml:3:10");
}

}  // namespace
}  // namespace flam
