// Memory in huge pages: where it lies, and that it is given back.
#include "framework/device/huge_pages.h"

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace flam {
namespace {

constexpr int64_t kHugePage = int64_t{2} << 20;

uintptr_t address_of(const at::Tensor& tensor) {
  return reinterpret_cast<uintptr_t>(tensor.const_data_ptr());
}

/// The flags of the mapping that holds an address ("rd wr … hg"); empty if it is not mapped.
std::string flags_at(uintptr_t address) {
  std::ifstream smaps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(smaps, line);) {
    uintptr_t begin = 0, end = 0;
    char dash = 0;
    std::istringstream words(line);
    if (words >> std::hex >> begin >> dash >> end && dash == '-') inside = begin <= address && address < end;
    if (inside && line.starts_with("VmFlags:")) return line + " ";
  }
  return "";
}

TEST(HugePages, LargeTensorsBeginWithOneAndAskForThem) {
  for (const int64_t bytes : {kHugePage, 3 * kHugePage - 4096, 3 * kHugePage + 12}) {
    const at::Tensor tensor = empty_in_huge_pages({bytes / 2}, at::kBFloat16).fill_(3);
    EXPECT_TRUE(at::equal(tensor, at::full({bytes / 2}, 3, at::kBFloat16)));
    EXPECT_EQ(address_of(tensor) % kHugePage, 0);
    if (std::filesystem::exists("/sys/kernel/mm/transparent_hugepage")) {
      EXPECT_NE(flags_at(address_of(tensor)).find(" hg "), std::string::npos) << bytes;
    }
  }
}

TEST(HugePages, MemoryIsGivenBack) {
  at::Tensor tensor = empty_in_huge_pages({5, 1 << 20}, at::kFloat);
  at::Tensor row = tensor[4];
  const uintptr_t address = address_of(tensor);
  tensor.reset();
  EXPECT_NE(flags_at(address), "");  // the row is a view of it
  row.reset();
  EXPECT_EQ(flags_at(address), "");
}

TEST(HugePages, OtherTensorsAreAsUsual) {
  const at::Tensor small = empty_in_huge_pages({3, 4}, at::kDouble);
  EXPECT_EQ(small.sizes(), at::IntArrayRef({3, 4}));
  EXPECT_TRUE(small.storage().resizable());
  EXPECT_EQ(empty_in_huge_pages({0, 4}, at::kFloat).numel(), 0);
  EXPECT_EQ(empty_in_huge_pages({}, at::kFloat).dim(), 0);
  const at::Tensor shape_only =
      empty_in_huge_pages({1 << 20, 1 << 20}, at::device(at::kMeta).dtype(at::kFloat));
  EXPECT_TRUE(shape_only.is_meta());
  EXPECT_ANY_THROW(empty_in_huge_pages({int64_t{1} << 50}, at::kFloat));  // more than any machine has
}

}  // namespace
}  // namespace flam
