#pragma once
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <string>

#include "framework/weights/checkpoint.h"

namespace flam::test {

/// Expects the same tensors in both files.
inline void expect_equal_files(const std::string& a, const std::string& b) {
  const auto first = open_checkpoint(a), second = open_checkpoint(b);
  ASSERT_EQ(first->names(), second->names());
  ASSERT_FALSE(first->names().empty());
  for (const std::string& name : first->names())
    EXPECT_TRUE(at::equal(first->tensor(name), second->tensor(name))) << name;
}

}  // namespace flam::test
