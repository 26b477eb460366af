#include "framework/report/svg_plot.h"

#include <gmock/gmock.h>

namespace flam {
namespace {

using testing::HasSubstr;
using testing::Not;

PlotPoint at(double x, double y) {
  return {x, y, x, x, y, y};
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t place = text.find(part); place != std::string::npos; place = text.find(part, place + 1))
    ++found;
  return found;
}

TEST(SvgPlot, IsEmptyWithoutAPoint) {
  EXPECT_EQ(svg_plot({"t", "x", "y", false, {}}), "");
  EXPECT_EQ(svg_plot({"t", "x", "y", false, {{"a", 0, {at(0, NAN)}}}}), "");
}

TEST(SvgPlot, NoAxisBeginsBelowZeroWithoutNegativeValues) {
  for (const double value : {0.0, 3.0})
    EXPECT_THAT(svg_plot({"t", "x", "y", false, {{"a", 0, {at(value, value)}}}}), Not(HasSubstr(">-")));
  EXPECT_THAT(svg_plot({"t", "x", "y", false, {{"a", 0, {at(-3, 1), at(2, 1)}}}}), HasSubstr(">-"));
}

TEST(SvgPlot, ALogarithmicAxisHasTicksAtRoundNumbersAndNoPlaceForZero) {
  const Plot plot{"t", "x", "y", true, {{"a", 0, {at(1, 0.02), at(2, 3), at(3, 0)}}}, true};
  const std::string svg = svg_plot(plot);
  for (const char* tick : {">0.02<", ">0.1<", ">1<", ">5<"}) EXPECT_THAT(svg, HasSubstr(tick));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
  EXPECT_EQ(svg_plot({"t", "x", "y", true, {{"a", 0, {at(1, 0)}}}, true}), "");
}

TEST(SvgPlot, LabelsDoNotCoverEachOther) {
  // The labels of ten dots in one place can't all be drawn; the names stay in the titles.
  Plot plot{"t", "x", "y", false, {{"far", 0, {at(0, 0)}}}};
  for (size_t i = 1; i <= 10; ++i) plot.series.push_back({"a long name of a variant", i, {at(1, 1)}});
  const std::string svg = svg_plot(plot);
  EXPECT_EQ(count(svg, "<title>a long name of a variant</title>"), 10);
  EXPECT_LT(count(svg, ">a long name of a variant</text>"), 5);
  EXPECT_EQ(count(svg, ">far</text>"), 1);
  EXPECT_THAT(svg, HasSubstr("<g class=\"v10\">"));
}

}  // namespace
}  // namespace flam
