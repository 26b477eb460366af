#include "framework/report/figures.h"

#include <gtest/gtest.h>

#include <cmath>

namespace flam {
namespace {

TEST(Figures, CommasStandBetweenGroupsOfThreeDigits) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(3'141'592), "3,141,592");
  EXPECT_EQ(with_commas(-100), "-100");
  EXPECT_EQ(with_commas(-1'000), "-1,000");
}

TEST(Figures, ANumberIsNeverWrittenWithAnExponentThatNobodyNeeds) {
  EXPECT_EQ(significant(0.9971, 3), "0.997");
  EXPECT_EQ(significant(12.43, 3), "12.4");
  EXPECT_EQ(significant(1234.4, 3), "1234");
  EXPECT_EQ(significant(NAN, 3), "-");
}

TEST(Figures, WhatRoundsToAThousandGetsTheNextPrefix) {
  EXPECT_EQ(shortened(999, "B"), "999 B");
  EXPECT_EQ(shortened(999'999, "FLOP"), "1 MFLOP");
  EXPECT_EQ(shortened(3'141'592, "FLOP"), "3.14 MFLOP");
}

}  // namespace
}  // namespace flam
