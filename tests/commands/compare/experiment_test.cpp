#include "framework/commands/compare/experiment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "framework/config/config.h"
#include "framework/testing/component.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using testing::HasSubstr;

Experiment parse(const std::string& yaml) {
  return Experiment::parse(parse_yaml(yaml, "e.yaml"), built_plugins());
}

TEST(Experiment, AGridMakesEveryCombination) {
  const Experiment experiment = parse(
      "base: flamingo_mini_vqa\nvariants: [{name: base}]\n"
      "grid: {model.resampler.num_latents: [16, 32], model.resampler.depth: [1, 2, 3]}\n");
  std::vector<std::string> names;
  for (const auto& variant : experiment.all_variants) names.push_back(variant.name);
  EXPECT_THAT(names, testing::ElementsAre("base", "num_latents=16, depth=1", "num_latents=16, depth=2",
                                          "num_latents=16, depth=3", "num_latents=32, depth=1",
                                          "num_latents=32, depth=2", "num_latents=32, depth=3"));
  Value tree = experiment.base_tree;
  lay_onto(tree, experiment.all_variants.back().set);
  EXPECT_EQ(tree.find("model")->find("resampler")->find("depth")->as_int(), 3);
}

std::vector<std::string> names_of(const std::string& grid) {
  std::vector<std::string> names;
  for (const auto& variant : parse("base: flamingo_mini_vqa\ngrid: " + grid).all_variants)
    names.push_back(variant.name);
  return names;
}

TEST(Experiment, VariantsOfAGridHaveDistinctNames) {
  EXPECT_THAT(names_of("{model.resampler: [{type: mlp}, {type: perceiver, depth: 2, num_latents: 8}, "
                       "{type: perceiver, depth: 3, num_latents: 8}, {type: perceiver, num_latents: 8}]}"),
              testing::ElementsAre("resampler=mlp", "resampler=perceiver depth=2",
                                   "resampler=perceiver depth=3", "resampler=perceiver"));
  EXPECT_THAT(names_of("{model.resampler.depth: [1], model.adapter.depth: [2]}"),
              testing::ElementsAre("model.resampler.depth=1, model.adapter.depth=2"));
  EXPECT_THAT(error_of([] { names_of("{model.resampler.depth: [1, 2, 1]}"); }),
              HasSubstr("e.yaml:2:38: `grid` gives 'model.resampler.depth' a value twice: 1"));
  EXPECT_THAT(
      error_of([] {
        parse(
            "base: flamingo_mini_vqa\nvariants: [{name: depth=2}]\n"
            "grid: {model.resampler.depth: [1, 2]}\n");
      }),
      HasSubstr("e.yaml:3:7: `grid` makes a variant 'depth=2', but another variant already has that name"));
}

TEST(Experiment, ARepeatedSeedIsAnError) {
  EXPECT_THAT(error_of([] { parse("base: flamingo_mini_vqa\nvariants: [{name: a}]\nseeds: [1, 2, 1]\n"); }),
              HasSubstr("e.yaml:3:15: `seeds` has 1 twice"));
}

std::string list_of(int count, const std::string& before, const std::string& after) {
  std::string out = "[";
  for (int i = 0; i < count; ++i) out += (i ? ", " : "") + before + std::to_string(i) + after;
  return out + "]";
}

TEST(Experiment, SizesAreLimitedBeforeAnyWork) {
  const std::string base = "base: flamingo_mini_vqa\n";
  const auto error = [&](const std::string& yaml) { return error_of([&] { parse(base + yaml); }); };
  EXPECT_THAT(error("variants: " + list_of(1001, "{name: v", "}") + "\n"),
              HasSubstr("`variants` has 1001 entries; at most 1000"));
  EXPECT_THAT(error("variants: [{name: a}]\nseeds: " + list_of(1001, "", "") + "\n"),
              HasSubstr("`seeds` has 1001 entries; at most 1000"));
  EXPECT_THAT(error("grid: {model.resampler.depth: " + list_of(1001, "", "") + "}\n"),
              HasSubstr("`grid`'s 'model.resampler.depth' has 1001 entries; at most 1000"));
  EXPECT_THAT(error("grid: {a: " + list_of(40, "", "") + ", b: " + list_of(40, "", "") + "}\n"),
              HasSubstr("`grid` makes more than 1000 variants"));
  EXPECT_THAT(error("variants: " + list_of(101, "{name: v", "}") + "\nseeds: " + list_of(100, "", "") + "\n"),
              HasSubstr("variants times seeds are 10100 runs; at most 10000"));
}

TEST(Experiment, AnOverlayMergesAsAFileWould) {
  Value config =
      parse_yaml("model: {resampler: {type: perceiver, depth: 2, num_latents: 32}}\nlist: [{a: 1}]", "c");
  lay_onto(config, parse_yaml("{model.resampler: {depth: 3}, list.0.b: 2}", "o"));
  EXPECT_EQ(
      config,
      parse_yaml("model: {resampler: {type: perceiver, depth: 3, num_latents: 32}}\nlist: [{a: 1, b: 2}]",
                 "x"));
  lay_onto(config, parse_yaml("{model.resampler: {type: mlp}}", "o"));
  EXPECT_EQ(*config.find("model"), parse_yaml("{resampler: {type: mlp}}", "x"));
  EXPECT_THAT(error_of([&] { lay_onto(config, parse_yaml("{list.7.b: 2}", "o.yaml")); }),
              HasSubstr("o.yaml:1:2: "));
}

TEST(Experiment, ReportsAllErrors) {
  const std::string message = error_of([] {
    parse(
        "base: flamingo_mini_vqa\n"
        "variants: [{name: a}, {name: a}, {nam: b}, {name: c, set: 3}]\n"
        "grid: {model.resampler.depth: 3}\n"
        "stages: [{name: s, only_if_changed: [resampel]}]\n"
        "weights: rnd\n");
  });
  EXPECT_THAT(message, HasSubstr("e.yaml:2:23: two entries of `variants` are named 'a'"));
  EXPECT_THAT(message, HasSubstr("did you mean 'name'?"));
  EXPECT_THAT(message, HasSubstr("`set` must be a map"));
  EXPECT_THAT(message, HasSubstr("`grid` gives a list of values for each name"));
  EXPECT_THAT(message, HasSubstr("'only_if_changed[0]' is 'resampel', but must be one of"));
  EXPECT_THAT(message, HasSubstr("'weights' is 'rnd'"));
}

TEST(Experiment, NeedsVariantsAndAValidBase) {
  EXPECT_THAT(error_of([] { parse("base: flamingo_mini_vqa\n"); }), HasSubstr("compares nothing"));
  EXPECT_THAT(error_of([] { parse("base: flamingo_mini_vqo\nvariants: [{name: a}]\n"); }),
              HasSubstr("did you mean 'flamingo_mini_vqa'?"));
  EXPECT_THAT(error_of([] {
                parse("base: flamingo_mini_vqa\nset: {model.resampler.dept: 1}\nvariants: [{name: a}]\n");
              }),
              HasSubstr("e.yaml:2:7: resampler 'perceiver' has no parameter 'dept'"));
}

}  // namespace
}  // namespace flam
