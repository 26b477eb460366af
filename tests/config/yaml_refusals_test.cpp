// Input that is refused, and the place that the error gives. yaml-cpp itself would accept some of it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/base/text.h"
#include "framework/config/config.h"

namespace flam {
namespace {

std::string error(const std::string& yaml) {
  try {
    parse_yaml(yaml, "f");
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

struct Case {
  std::string yaml, place, message;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << printable(c.yaml, 60);
}

class YamlRefusal : public testing::TestWithParam<Case> {};

TEST_P(YamlRefusal, NamesPlaceAndReason) {
  const auto& [yaml, place, message] = GetParam();
  EXPECT_THAT(error(yaml), testing::StartsWith(place + ": "));
  EXPECT_THAT(error(yaml), testing::HasSubstr(message));
}

INSTANTIATE_TEST_SUITE_P(Numbers, YamlRefusal,
                         testing::Values(Case{"a: 012", "f:1:4", "begins with a zero"},
                                         Case{"a: -012", "f:1:4", "begins with a zero"},
                                         Case{"a: 00", "f:1:4", "begins with a zero"},
                                         Case{"a: 99999999999999999999", "f:1:4",
                                              "does not fit into 64 bits"},
                                         Case{"a: 0xfffffffffffffffff", "f:1:4", "does not fit into 64 bits"},
                                         Case{"a: 1e999", "f:1:4", "does not fit into 64 bits"}));

INSTANTIATE_TEST_SUITE_P(Bytes, YamlRefusal,
                         testing::Values(Case{"a: b\n\xff", "f:2:1", "not UTF-8"},
                                         Case{std::string("a: \0b", 5), "f:1:4", "control character"},
                                         Case{"a: \x04 b", "f:1:4", "control character"},
                                         Case{"a: 1\rb: 2", "f:1:5", "control character"},
                                         Case{"a: \"\\0\"", "f:1:4", "NUL"},
                                         Case{std::string(kMaxYamlBytes + 1, ' '), "f", "at most"}));

INSTANTIATE_TEST_SUITE_P(
    Keys, YamlRefusal,
    testing::Values(Case{"a: 1\nb: 2\na: 3", "f:3:1", "'a' occurs twice"},
                    Case{"{a: 1, 'a': 2}", "f:1:8", "'a' occurs twice"},
                    Case{"a: 1\nnum_beams 3\n", "f:2:1", "'num_beams 3' is not followed by"},
                    Case{"a: {b:1}", "f:1:5", "'b:1' is not followed by"},
                    Case{"? a\n: b", "f:1:3", "'a' is not followed by"},
                    Case{"~: 1", "f:1:1", "must be text"}, Case{"a:\nNull: 1", "f:2:1", "must be text"},
                    Case{"a:\nNULL : 1", "f:2:1", "must be text"},
                    Case{"? [a]\n: b", "f:1:3", "must be text"},
                    Case{"a: &x b\n*x : 1", "f:2:1", "must be written out"},
                    Case{"{<<: {a: 1}, <<: {b: 1}}", "f:1:14", "'<<' occurs twice"},
                    Case{"<<: 3", "f:1:1", "'<<' takes a map"}));

INSTANTIATE_TEST_SUITE_P(
    Syntax, YamlRefusal,
    testing::Values(Case{"a: b: c", "f:1:5", "illegal map value"},
                    Case{"a:\n  b: 1\n c: 2", "f:3:2", "not valid YAML"}, Case{"a:\n\tb: 1", "f:2:2", "tab"},
                    Case{"a:\n  - x\n\t- y", "f:3:1", "tab"},
                    Case{"a: [1, 2", "f:1:8", "before a '[' or '{' is closed"},
                    Case{"a: [1,", "f:1:4", "not valid YAML"}, Case{"b: 1\na: 'x", "f:2:1", "not valid YAML"},
                    Case{"a: \"\\q\"", "f:1:7", "unknown escape"}, Case{"[a,,b]", "f:1:4", "comma"},
                    Case{"[,a]", "f:1:2", "comma"}, Case{"a: 'x' y", "f:1:8", "not valid YAML"},
                    Case{"a: 'x'# y", "f:1:4", "comment"}, Case{"a: 1\n- b", "f:2:1", "not valid YAML"}));

INSTANTIATE_TEST_SUITE_P(Features, YamlRefusal,
                         testing::Values(Case{"a: 1\n---\nb: 2", "f:2:1", "one YAML document"},
                                         Case{"[1] x", "f:1:5", "one YAML document"},
                                         Case{"# c\n%YAML 1.2\n---\na: 1", "f:2:1", "directives"},
                                         Case{"a: !!str 1", "f:1:4", "tags"}, Case{"a: ! 1", "f:1:4", "tags"},
                                         Case{"a: &x !y 1", "f:1:4", "tags"},
                                         Case{"a: !y [1]", "f:1:4", "tags"},
                                         Case{"a: *x", "f:1:4", "anchor is not defined"},
                                         Case{"a: &x [*x]", "f:1:8", "inside the value of its own anchor"}));

TEST(YamlLimits, Nesting) {
  const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(error(nested(64)), "accepted");
  EXPECT_EQ(error(nested(65)), "f:1:65: nested more than 64 levels deep");
  EXPECT_THAT(error(std::string(100'000, '[')), testing::StartsWith("f:1:"));
  // Aliases add to the depth: 40 levels within 40 levels.
  const std::string open(40, '['), close(40, ']');
  EXPECT_THAT(error("a: &x " + open + close + "\nb: " + open + "*x" + close),
              testing::HasSubstr("nested more than 64"));
}

TEST(YamlLimits, NumberOfNodesWithAliasesExpanded) {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string before = "*a" + std::to_string(i - 1) + ", ";
    laughs += cat("a", i, ": &a", i, " [");
    for (int j = 0; j < 10; ++j) laughs += before;
    laughs += "]\n";
  }
  EXPECT_THAT(error(laughs), testing::HasSubstr("more than 100000 values"));
  std::string many = "a: [";
  for (int i = 0; i < 100'001; ++i) many += "x,";
  EXPECT_THAT(error(many + "]"), testing::HasSubstr("more than 100000 values"));
}

// The indentation is checked once per line. Checking it once per node would take about a minute here.
TEST(YamlLimits, ManyNodesOnADeeplyIndentedLine) {
  std::string far = "a:\n" + std::string(1 << 20, ' ') + "[x";
  for (int i = 0; i < 50'000; ++i) far += ",x";
  EXPECT_EQ(error(far + "]"), "accepted");
}

TEST(YamlLimits, NumberOfBytesThatAliasesCopy) {
  std::string bomb = "a: &x '" + std::string(1 << 20, 'x') + "'\nb: [";
  for (int i = 0; i < 1000; ++i) bomb += "*x, ";
  EXPECT_THAT(error(bomb + "]"), testing::HasSubstr("aliases copy more than"));
  std::string keys = "a: &a {? " + std::string(100'000, 'k') + " : 1}\nb: [*a";
  for (int i = 0; i < 200; ++i) keys += ", *a";
  EXPECT_THAT(error(keys + "]"), testing::HasSubstr("aliases copy more than"));
}

}  // namespace
}  // namespace flam
