#include "framework/base/random.h"

#include <gtest/gtest.h>

#include <vector>

namespace flam {
namespace {

TEST(Random, EqualsThePublishedSplitmix64) {
  // The first numbers of Sebastiano Vigna's splitmix64.c (https://prng.di.unimi.it/splitmix64.c).
  Random zero(0);
  EXPECT_EQ(zero.next(), 0xe220a8397b1dcdafu);
  EXPECT_EQ(zero.next(), 0x6e789e6aa1b965f4u);
  EXPECT_EQ(zero.next(), 0x06c45d188009454fu);
  Random other(42);
  EXPECT_EQ(other.next(), 0xbdd732262feb6e95u);
  EXPECT_EQ(other.next(), 0x28efe333b266f103u);
}

TEST(Random, NumbersAreInTheirRanges) {
  Random random(1);
  std::vector<int> counts(7);
  double sum = 0;
  for (int i = 0; i < 7000; ++i) {
    const size_t below = random.below(7);
    ASSERT_LT(below, 7u);
    ++counts[below];
    const double real = random.uniform(-2, 3);
    ASSERT_GE(real, -2);
    ASSERT_LT(real, 3);
    sum += real;
  }
  for (const int count : counts) EXPECT_NEAR(count, 1000, 150);
  EXPECT_NEAR(sum / 7000, 0.5, 0.1);
}

TEST(Random, ChancesAndChoices) {
  Random random(2);
  const std::vector<int> choices = {3, 5};
  int taken = 0, fives = 0;
  for (int i = 0; i < 2000; ++i) {
    EXPECT_FALSE(random.chance(0));
    EXPECT_TRUE(random.chance(1));
    taken += random.chance(0.25);
    fives += random.pick(choices) == 5;
  }
  EXPECT_NEAR(taken, 500, 100);
  EXPECT_NEAR(fives, 1000, 150);
}

}  // namespace
}  // namespace flam
