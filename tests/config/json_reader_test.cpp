#include "framework/config/json_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/base/file.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

std::string refusal(const std::string& text) {
  return error_of([&] { parse_json(text, "a.json"); });
}

TEST(JsonReader, ValuesAndKeysKnowTheirPlaces) {
  const Value tree = parse_json(
      "{\"a\": [1, -2.5e3 ,true,\n  null],\r\n\t\"b\" : {\"c\":\"x: [1, 2]\"}, \"d\":12}\n", "a.json");
  EXPECT_EQ(tree.where().str(), "a.json:1:1");
  const Value::List& list = tree.find("a")->as_list();
  EXPECT_EQ(list[0], Value(1));
  EXPECT_EQ(list[1], Value(-2500.0));
  EXPECT_EQ(list[2], Value(true));
  EXPECT_TRUE(list[3].is_null());
  EXPECT_EQ(tree.find("a")->where().str(), "a.json:1:7");
  EXPECT_EQ(list[0].where().str(), "a.json:1:8");
  EXPECT_EQ(list[1].where().str(), "a.json:1:11");
  EXPECT_EQ(list[2].where().str(), "a.json:1:19");
  EXPECT_EQ(list[3].where().str(), "a.json:2:3");
  const Value::Member& b = tree.as_map()[1];
  EXPECT_EQ(b.key_where.str(), "a.json:3:2");
  EXPECT_EQ(*b.value.find("c"), Value("x: [1, 2]"));
  EXPECT_EQ(b.value.find("c")->where().str(), "a.json:3:13");
  EXPECT_EQ(tree.as_map()[2].key_where.str(), "a.json:3:27");
  EXPECT_EQ(tree.find("d")->where().str(), "a.json:3:31");
}

TEST(JsonReader, NumbersAndTexts) {
  EXPECT_EQ(parse_json("9223372036854775807", ""), Value(INT64_MAX));
  EXPECT_EQ(parse_json("18446744073709551615", ""), Value(18446744073709551615.0));
  EXPECT_EQ(parse_json("-1000000000000000019884624838656", ""), Value(-1e30));
  EXPECT_EQ(parse_json("1.0", ""), Value(1.0));
  EXPECT_EQ(parse_json(R"("\ud83e\udda9\/\u00e9\n")", ""), Value("\U0001F9A9/\u00e9\n"));
}

TEST(JsonReader, ErrorsSayWhereAndWhatWasExpected) {
  for (const char* text : {"", " \n"})
    EXPECT_EQ(refusal(text), "a.json:1:1: the file is empty; expected JSON");
  EXPECT_EQ(refusal("{\n  \"a\" 3}"), "a.json:2:7: not JSON: unexpected number literal; expected ':'");
  EXPECT_EQ(refusal("{\"a\": 1,"), "a.json:1:9: not JSON: unexpected end of input; expected string literal");
  EXPECT_THAT(refusal("{\"a\": [1, 2"),
              AllOf(StartsWith("a.json:1:12: not JSON: unexpected end of input"), EndsWith("expected ']'")));
  EXPECT_THAT(refusal("{'a': 1}"), StartsWith("a.json:1:2: not JSON: invalid literal"));
  EXPECT_THAT(refusal("[NaN]"), StartsWith("a.json:1:2: not JSON: invalid literal"));
  EXPECT_THAT(refusal("{} {}"), StartsWith("a.json:1:4: not JSON: "));
  EXPECT_THAT(refusal("[\n\"a\x01\"]"), StartsWith("a.json:2:3: not JSON: invalid string"));
  EXPECT_THAT(refusal("[\"\xff\"]"),
              StartsWith("a.json:1:3: not JSON: invalid string: ill-formed UTF-8 byte"));
  EXPECT_THAT(refusal("<html>"), StartsWith("a.json:1:1: not JSON"));
  EXPECT_EQ(refusal("{\"a\": 1,\n \"a\": 2}"), "a.json:2:2: the key 'a' occurs twice in this object");
  EXPECT_EQ(refusal(std::string(100'000, '[')), "a.json:1:33: this is nested more than 32 levels deep");
  for (const char* text : {"[1e999]", "{\"a\": \"\\ud83e\"}", "\xff\xfe{"})
    EXPECT_THAT(refusal(text), AllOf(StartsWith("a.json:1:"), Not(HasSubstr("json.exception")))) << text;
}

TEST(JsonReader, FilesAreNamed) {
  test::Scratch folder;
  write_file(folder / "a.json", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n");
  EXPECT_THAT(error_of([&] { read_json(folder / "a.json"); }),
              AllOf(HasSubstr("a.json' is a Git LFS pointer"), HasSubstr("git lfs pull")));
  EXPECT_THAT(error_of([&] { MappedFile::open(folder / "a.json"); }), HasSubstr("Git LFS pointer"));
  EXPECT_THAT(error_of([&] { read_json(folder / "none.json"); }), HasSubstr("none.json"));
  write_file(folder / "a.json", "{\"a\": [3]}");
  EXPECT_THAT(read_json(folder / "a.json").find("a")->where().str(), EndsWith("a.json:1:7"));
}

}  // namespace
}  // namespace flam
