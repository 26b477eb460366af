#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/config/config.h"

namespace flam {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr const char* kConfig = "m: {r: {type: p, depth: 6}}\nt: [{type: a, size: 1}, {type: b}]\nn: 3\nz:\n";

std::string with(const std::string& assignment) {
  Value config = parse_yaml(kConfig, "f");
  apply_override(config, assignment);
  return write_json(config);
}

std::string error(const std::string& assignment) {
  try {
    with(assignment);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Override, ReplacesAndCreates) {
  EXPECT_THAT(with("n=4"), HasSubstr(R"("n":4)"));
  EXPECT_THAT(with("m.r.depth=2"), HasSubstr(R"({"type":"p","depth":2})"));
  EXPECT_THAT(with("m.x.y=true"), HasSubstr(R"("x":{"y":true})"));
  EXPECT_THAT(with("z.a=1"), HasSubstr(R"("z":{"a":1})"));
  EXPECT_THAT(with("n="), HasSubstr(R"("n":null)"));
  EXPECT_THAT(with("n=a=b"), HasSubstr(R"("n":"a=b")"));
  EXPECT_THAT(with("n='4'"), HasSubstr(R"("n":"4")"));
  EXPECT_THAT(with("t=[]"), HasSubstr(R"("t":[])"));
  EXPECT_THAT(with("n=[1, {a: 2}]"), HasSubstr(R"("n":[1,{"a":2}])"));
}

TEST(Override, ListElements) {
  EXPECT_THAT(with("t.0.size=5"), HasSubstr(R"([{"type":"a","size":5},{"type":"b"}])"));
  EXPECT_THAT(with("t.1={type: c, x: 1}"), HasSubstr(R"([{"type":"a","size":1},{"type":"c","x":1}])"));
  EXPECT_EQ(error("t.2.size=5"),
            "--set 't.2.size=5': 't' is a list of 2; expected an index from 0 to 1, found '2'");
  EXPECT_EQ(error("t.-1=5"), "--set 't.-1=5': 't' is a list of 2; expected an index from 0 to 1, found '-1'");
  EXPECT_EQ(error("t.x.y=5"),
            "--set 't.x.y=5': 't' is a list of 2; expected an index from 0 to 1, found 'x'");
}

TEST(Override, AnEmptyListHasNoElements) {
  Value config = parse_yaml("t: []\n", "f");
  EXPECT_THAT([&] { apply_override(config, "t.0=1"); },
              ThrowsMessage<Error>("--set 't.0=1': 't' is an empty list; it has no element '0'"));
}

TEST(Override, MergesAsAFileWould) {
  EXPECT_THAT(with("m.r={depth: 1, k: 2}"), HasSubstr(R"({"type":"p","depth":1,"k":2})"));
  EXPECT_THAT(with("m.r={_delete_: true, k: 2}"), HasSubstr(R"("r":{"k":2})"));
  EXPECT_THAT(with("m.r.type=q"), HasSubstr(R"("r":{"type":"q"})"));
  EXPECT_THAT(with("m.r.type=p"), HasSubstr(R"({"type":"p","depth":6})"));
  EXPECT_THAT(with("t.0.type=c"), HasSubstr(R"([{"type":"c"},{"type":"b"}])"));
}

TEST(Override, Errors) {
  EXPECT_THAT(error("n"), HasSubstr("--set 'n': expected NAME=VALUE"));
  EXPECT_THAT(error("=3"), HasSubstr("--set '=3': expected NAME=VALUE"));
  EXPECT_EQ(error("a..b=3"), "--set 'a..b=3': a part of the name is empty in 'a..b'");
  EXPECT_EQ(error("a.=3"), "--set 'a.=3': a part of the name is empty in 'a.'");
  EXPECT_EQ(error("n.x.y=3"), "--set 'n.x.y=3': 'n' is the number 3, not a map, so it has no 'x'");
  std::string deep = "a";
  for (int i = 1; i < 64; ++i) deep += ".a";
  EXPECT_THAT(with(deep + "=1"), HasSubstr(R"({"a":1})"));
  EXPECT_THAT(error(deep + ".a=1"), HasSubstr("the name has more than 64 parts"));
  EXPECT_EQ(error("t.1x=3"), "--set 't.1x=3': 't' is a list of 2; expected an index from 0 to 1, found '1x'");
  EXPECT_THAT(error("n=[1"), HasSubstr("--set 'n=[1':1:"));
  EXPECT_THAT(error("n=012"), HasSubstr("begins with a zero"));
  EXPECT_THAT(error("_base_=x.yaml"),
              HasSubstr("'_base_' is allowed only at the top level of a config file"));
}

TEST(Override, PlacesNameTheOption) {
  Value config = parse_yaml(kConfig, "f");
  apply_override(config, "m.r.depth=2");
  EXPECT_EQ(config.find("m")->find("r")->find("depth")->where().str(), "--set 'm.r.depth=2'");
  EXPECT_EQ(config.find("m")->find("r")->where().str(), "f:1:8");
}

TEST(Override, ConfigsFolder) {
  Value config = parse_yaml(kConfig, "f");
  apply_override(config, "n='${configs}/x'", "/c");
  EXPECT_EQ(config.find("n")->as_string(), "/c/x");
}

}  // namespace
}  // namespace flam
