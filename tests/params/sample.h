#pragma once
#include "framework/params/params.h"

namespace flam {

enum class Colour { red, green };

/// One parameter of every kind.
struct Sample {
  bool flag = false;
  int64_t depth = 6;
  double rate = 0.5;
  std::string name = "x";
  std::string word = "gelu";
  std::string file;
  Colour colour = Colour::red;
  std::optional<int64_t> limit;
  std::optional<double> bound = 1.5;
  std::vector<int64_t> sizes = {1, 2};
  std::vector<double> mean;
  std::vector<std::string> names = {"a"};
  Value tree;
  Value inner;
  struct Group {
    int64_t heads = 8;
    void visit(ParamVisitor& v) { v("heads", heads, "how many", at_least(1)); }
  } group;

  void visit(ParamVisitor& v) {
    v("flag", flag, "a switch");
    v("depth", depth, "layers", at_least(1));
    v("rate", rate, "a share", between(0, 1));
    v("name", name, "any text");
    v("word", word, "one of some", choices("gelu", "quick_gelu"));
    v("file", file, "a file", path());
    v("colour", colour, "an enum", choices("red", "green"));
    v("limit", limit, "none if null", more_than(0));
    v("bound", bound, "none if null");
    v("sizes", sizes, "each positive", at_least(1));
    v("mean", mean, "each channel's");
    v("names", names, "some names");
    v("tree", tree, "anything");
    v("inner", inner, "a resampler", component("resampler"));
    v("group", group, "of attention");
  }
};

struct Needed {
  int64_t depth = 0;
  std::string file;
  void visit(ParamVisitor& v) {
    v("depth", depth, "layers", required());
    v("file", file, "weights", required(), path());
  }
};

}  // namespace flam
