#include "framework/device/meta_kernels.h"

#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>

#include "tests/device/operators.h"

namespace flam {
namespace {

using testing::HasSubstr;

std::vector<Operator> all_operators() {
  std::vector<Operator> all = pointwise_operators();
  for (const auto& table : {spatial_operators(), tensor_operators()})
    all.insert(all.end(), table.begin(), table.end());
  return all;
}

std::string name_of(const Operator& op) {
  return op.name.substr(0, op.name.find(' '));
}

/// Operators of libtorch itself whose CPU kernel and shape function lay the result out differently.
bool may_differ(const std::string& name, Memory memory) {
  if (memory == Memory::transposed) return name == "max_pool1d";
  static const std::set<std::string> differ = {"group_norm", "pixel_shuffle", "pixel_unshuffle",
                                               "replication_pad2d"};
  return memory == Memory::channels_last && differ.contains(name);
}

void expect_same_shapes(at::ScalarType dtype, Memory memory) {
  for (const Operator& op : all_operators()) {
    SCOPED_TRACE(op.name);
    const Outputs expected = op.call({at::kCPU, dtype, memory});
    Outputs found;
    ASSERT_NO_THROW(found = op.call({at::kMeta, dtype, memory}));
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i) {
      EXPECT_TRUE(found[i].is_meta());
      EXPECT_EQ(found[i].sizes(), expected[i].sizes());
      EXPECT_EQ(found[i].scalar_type(), expected[i].scalar_type());
      if (may_differ(name_of(op), memory)) continue;
      EXPECT_EQ(found[i].strides(), expected[i].strides());
    }
  }
}

class MetaKernels : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    at::set_num_threads(1);
    register_meta_kernels();
  }
};

TEST_F(MetaKernels, GiveTheSizesTypesAndStridesOfTheCpu) {
  const c10::InferenceMode inference;
  for (const Memory memory : {Memory::contiguous, Memory::transposed, Memory::channels_last})
    expect_same_shapes(at::kFloat, memory);
}

TEST_F(MetaKernels, WorkWhereGradientsAreRecorded) {
  expect_same_shapes(at::kFloat, Memory::contiguous);
  const at::Tensor x = at::empty({2, 5, 8}, at::TensorOptions().device(at::kMeta)).requires_grad_();
  EXPECT_EQ(at::layer_norm(at::relu(x), {8}).sizes(), x.sizes());
}

TEST_F(MetaKernels, SupportBfloat16) {
  const auto options = at::TensorOptions().device(at::kMeta).dtype(at::kBFloat16);
  const at::Tensor x = at::empty({2, 4, 8, 6}, options), w = at::empty({6, 4, 3, 3}, options);
  for (const at::Tensor& y :
       {at::relu(x), at::conv2d(x, w), at::hardswish(x), at::scaled_dot_product_attention(x, x, x),
        at::group_norm(x, 2), at::where(x > 0, x, 0.0), at::adaptive_avg_pool2d(x, {2, 2})})
    EXPECT_EQ(y.scalar_type(), at::kBFloat16);
}

TEST_F(MetaKernels, TakeNoTimeOrMemoryForLargeInputs) {
  const auto options = at::TensorOptions().device(at::kMeta);
  const at::Tensor huge = at::empty({1 << 20, 1 << 10, 1 << 10}, options);  // 4 PiB
  EXPECT_EQ(at::relu(huge).sizes(), huge.sizes());
  EXPECT_EQ(at::where(huge > 0, at::abs(huge), at::isnan(huge)).sizes(), huge.sizes());
  EXPECT_EQ(at::layer_norm(huge, {1 << 10}).sizes(), huge.sizes());
  EXPECT_EQ(at::scaled_dot_product_attention(huge, huge, huge).sizes(), huge.sizes());
  EXPECT_EQ(huge.var(-1).sizes(), at::IntArrayRef({1 << 20, 1 << 10}));
  EXPECT_EQ(at::embedding(huge.flatten(0, 1), at::empty({2, 7}, options.dtype(at::kLong))).sizes(),
            at::IntArrayRef({2, 7, 1 << 10}));
}

TEST_F(MetaKernels, RejectWhatTheCpuRejects) {
  const auto empty = [](at::IntArrayRef sizes) {
    return at::empty(sizes, at::TensorOptions().device(at::kMeta));
  };
  EXPECT_THROW(at::conv2d(empty({1, 3, 8, 8}), empty({6, 4, 3, 3})), c10::Error);
  EXPECT_THROW(at::layer_norm(empty({2, 8}), {6}), c10::Error);
  EXPECT_THROW(at::where(empty({3}) > 0, empty({4}), empty({4})), c10::Error);
  EXPECT_THROW(
      at::scaled_dot_product_attention(empty({1, 2, 3, 4}), empty({1, 2, 3, 5}), empty({1, 2, 3, 4})),
      c10::Error);
  EXPECT_THROW(at::im2col(empty({1, 3, 2, 2}), {3, 3}, {1, 1}, {0, 0}, {1, 1}), c10::Error);
  at::Tensor column = empty({3, 1});
  EXPECT_THROW(column.logical_and_(empty({3, 4})), c10::Error);
}

TEST_F(MetaKernels, NameAnOperatorWhoseShapeDependsOnValues) {
  const at::Tensor x = at::empty({4}, at::TensorOptions().device(at::kMeta));
  const auto message = [](const auto& call) -> std::string {
    try {
      call();
    } catch (const c10::Error& error) {
      return error.what_without_backtrace();
    }
    return "";
  };
  EXPECT_THAT(message([&] { x.nonzero(); }),
              HasSubstr("aten::nonzero gives a tensor whose shape depends on"));
  EXPECT_THAT(message([&] { x.masked_select(x > 0); }), HasSubstr("aten::masked_select gives"));
  EXPECT_THAT(message([&] { x.equal(x); }), HasSubstr("aten::equal reads the values of a tensor"));
  EXPECT_THAT(message([&] { x.sum().item(); }), HasSubstr("aten::_local_scalar_dense"));
}

TEST_F(MetaKernels, LeaveTheGeneratorOfRandomNumbersAlone) {
  const auto state = [] { return at::globalContext().defaultGenerator(at::kCPU).get_state(); };
  const at::Tensor before = state();
  EXPECT_EQ(at::randperm(6, at::TensorOptions().device(at::kMeta)).numel(), 6);
  EXPECT_TRUE(at::equal(state(), before));
}

TEST_F(MetaKernels, AreAllInTheTableOfTheDocs) {
  std::ifstream file(FLAM_SOURCE_DIR "/docs/plugins.md");
  std::string page{std::istreambuf_iterator<char>(file), {}};
  const size_t begin = page.find("\n## Operators of libtorch");
  ASSERT_NE(begin, std::string::npos);
  page = page.substr(begin + 1, page.find("\nAn operator that does not work", begin) - begin);
  std::set<std::string> listed, tested;
  const std::regex row(R"(\n\| [^|]+ \| ([^|]+) \|)"), name("`([^`]+)`");
  for (std::sregex_iterator it(page.begin(), page.end(), row), end; it != end; ++it) {
    const std::string cell = (*it)[1];
    for (std::sregex_iterator word(cell.begin(), cell.end(), name); word != end; ++word)
      listed.insert((*word)[1]);
  }
  for (const Operator& op : all_operators()) tested.insert(name_of(op));
  EXPECT_EQ(listed, tested);
}

}  // namespace
}  // namespace flam
