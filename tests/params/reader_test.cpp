#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "framework/config/config.h"
#include "tests/params/sample.h"

namespace flam {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

template <class P>
std::vector<std::string> read(P& params, const std::string& yaml, const std::string& file = "f") {
  ErrorList errors;
  read_params(ParamsRef(params), parse_yaml(yaml, file), "resampler 'perceiver'", {"type"}, errors);
  return errors.messages();
}

std::vector<std::string> errors_of(const std::string& yaml) {
  Sample sample;
  return read(sample, yaml);
}

TEST(ReadParams, FillsEveryKind) {
  Sample s;
  EXPECT_THAT(
      read(
          s,
          R"({type: perceiver, flag: true, depth: 2, rate: 1, name: y, word: quick_gelu, colour: green, limit: 3,
    bound: null, sizes: [4], mean: [0.5, 1], names: [], tree: {a: [1]}, inner: {type: mlp, k: 1}, group: {heads: 2}})"),
      IsEmpty());
  EXPECT_TRUE(s.flag);
  EXPECT_EQ(s.depth, 2);
  EXPECT_EQ(s.rate, 1.0);
  EXPECT_EQ(s.name, "y");
  EXPECT_EQ(s.word, "quick_gelu");
  EXPECT_EQ(s.colour, Colour::green);
  EXPECT_EQ(s.limit, 3);
  EXPECT_EQ(s.bound, std::nullopt);
  EXPECT_THAT(s.sizes, ElementsAre(4));
  EXPECT_THAT(s.mean, ElementsAre(0.5, 1.0));
  EXPECT_THAT(s.names, IsEmpty());
  EXPECT_EQ(s.tree.find("a")->as_list().size(), 1u);
  EXPECT_EQ(s.inner.find("k")->as_int(), 1);
  EXPECT_EQ(s.group.heads, 2);
}

TEST(ReadParams, AbsentParametersKeepTheirDefaults) {
  Sample s;
  EXPECT_THAT(read(s, "{}"), IsEmpty());
  EXPECT_THAT(read(s, ""), IsEmpty());
  EXPECT_THAT(read(s, "{group: }"), IsEmpty());
  EXPECT_EQ(s.depth, 6);
  EXPECT_EQ(s.bound, 1.5);
  EXPECT_EQ(s.group.heads, 8);
}

TEST(ReadParams, UnknownNamesAreErrorsWithASuggestion) {
  Needed needed;
  EXPECT_THAT(read(needed, "depth: 1\nfile: x\nfiel: y\n"),
              ElementsAre("f:3:1: resampler 'perceiver' has no parameter 'fiel'; did you mean 'file'? "
                          "(known: type, depth, file)"));
  EXPECT_THAT(errors_of("group: {head: 1}"),
              ElementsAre("f:1:9: resampler 'perceiver' has no parameter 'group.head'; did you mean 'heads'? "
                          "(known: heads)"));
}

TEST(ReadParams, AllErrorsAtOnce) {
  EXPECT_THAT(
      errors_of("flag: 1\ndepth: 2.0\nrate: x\nname: 3\nword: relu\ncolour: gren\n"),
      ElementsAre("f:1:7: resampler 'perceiver': 'flag' must be true or false, found the number 1",
                  "f:2:8: resampler 'perceiver': 'depth' must be an integer, found the number 2.0",
                  "f:3:7: resampler 'perceiver': 'rate' must be a number, found the text 'x'",
                  "f:4:7: resampler 'perceiver': 'name' must be text (put it in quotes), found the number 3",
                  "f:5:7: resampler 'perceiver': 'word' is 'relu', but must be one of gelu, quick_gelu; did "
                  "you mean 'gelu'?",
                  "f:6:9: resampler 'perceiver': 'colour' is 'gren', but must be one of red, green; did you "
                  "mean 'green'?"));
}

TEST(ReadParams, ValuesOutOfRangeAreErrors) {
  EXPECT_THAT(errors_of("{depth: 0, rate: 1.5, limit: 0, sizes: [3, 0], group: {heads: -1}}"),
              ElementsAre("f:1:9: resampler 'perceiver': 'depth' is 0, but must be at least 1",
                          "f:1:18: resampler 'perceiver': 'rate' is 1.5, but must be between 0 and 1",
                          "f:1:30: resampler 'perceiver': 'limit' is 0, but must be more than 0",
                          "f:1:44: resampler 'perceiver': 'sizes[1]' is 0, but must be at least 1",
                          "f:1:63: resampler 'perceiver': 'group.heads' is -1, but must be at least 1"));
  EXPECT_THAT(errors_of("{rate: .nan, bound: .nan}").size(), 2u);
  EXPECT_THAT(errors_of("{bound: .inf}"),
              ElementsAre(testing::HasSubstr("'bound' is .inf, but must be a finite number")));
}

TEST(ReadParams, ADefaultOutsideItsOwnRangeIsAnError) {
  struct Careless {
    int64_t depth = 0;
    double rate = 2;
    void visit(ParamVisitor& v) {
      v("depth", depth, "number of layers", at_least(1));
      v("rate", rate, "a share", between(0, 1));
    }
  } careless, another;
  EXPECT_THAT(
      read(careless, "{rate: 1}"),
      ElementsAre("f:1:1: resampler 'perceiver': the default of 'depth' is 0, but must be at least 1; "
                  "this is a mistake in the component; set a value"));
  EXPECT_THAT(read(another, "{depth: 1}"),
              ElementsAre(testing::HasSubstr("the default of 'rate' is 2, but must be between 0 and 1")));
}

TEST(ReadParams, WrongTypesAreErrors) {
  EXPECT_THAT(errors_of("{depth: }"),
              ElementsAre("f:1:9: resampler 'perceiver': 'depth' must be an integer, found nothing"));
  EXPECT_THAT(errors_of("{sizes: 3}"),
              ElementsAre("f:1:9: resampler 'perceiver': 'sizes' must be a list, found the number 3"));
  EXPECT_THAT(
      errors_of("{names: [a, 1]}"),
      ElementsAre(
          "f:1:13: resampler 'perceiver': 'names[1]' must be text (put it in quotes), found the number 1"));
  EXPECT_THAT(errors_of("{group: 3}"),
              ElementsAre("f:1:9: resampler 'perceiver': 'group' must be a map, found the number 3"));
  EXPECT_THAT(
      errors_of("{inner: {k: 1}}"),
      ElementsAre(
          "f:1:9: resampler 'perceiver': 'inner' must be a resampler as {type: NAME, …}, found a map"));
  EXPECT_THAT(errors_of("[1]"),
              ElementsAre("f:1:1: resampler 'perceiver': the parameters must be a map, found a list"));
}

TEST(ReadParams, MissingRequiredParametersAreErrors) {
  Needed needed;
  EXPECT_THAT(read(needed, "\n{type: perceiver}"),
              ElementsAre("f:2:1: resampler 'perceiver' needs the parameter 'depth' (layers)",
                          "f:2:1: resampler 'perceiver' needs the parameter 'file' (weights)"));
  EXPECT_THAT(read(needed, "{depth: 1, file: x}"), IsEmpty());
}

TEST(ReadParams, PathsAreRelativeToTheirFile) {
  Sample s;
  EXPECT_THAT(read(s, "file: ../w/x.bin", "/configs/a/b.yaml"), IsEmpty());
  EXPECT_EQ(s.file, "/configs/w/x.bin");
  read(s, "file: /abs/./x", "/configs/a/b.yaml");
  EXPECT_EQ(s.file, "/abs/x");
  read(s, "file: $HOME/~", "/configs/b.yaml");
  EXPECT_EQ(s.file, "/configs/$HOME/~");
  const auto here = std::filesystem::current_path();
  read(s, "file: x", "configs/b.yaml");
  EXPECT_EQ(s.file, (here / "configs/x").native());
  read(s, "file: x", "--set");
  EXPECT_EQ(s.file, (here / "x").native());
  read(s, "file: ''");
  EXPECT_EQ(s.file, "");
}

}  // namespace
}  // namespace flam
