// The memory of weights is that of loading them: views of a file are mapped, and everything else is
// allocated.
#include "framework/weights/weight_memory.h"

#include <gtest/gtest.h>

#include "framework/base/file.h"
#include "framework/weights/checkpoint.h"
#include "tests/support/gguf_file.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

constexpr uint32_t kQ8_0 = 8;

class WeightMemoryTest : public testing::Test {
 protected:
  WeightMemoryTest() {
    const WeightScope decoder(store_, "language_decoder");
    decoder.tensor("matrix", {4, 32}, Init::zeros());
    decoder.tensor("bias", {4}, Init::zeros());
  }
  WeightsConfig files(const std::string& name) const {
    WeightsConfig config;
    config.root = scratch_.path().string();
    config.files = {{name, {{"x.", "language_decoder", ""}}, {}, {}}};
    return config;
  }
  static const std::vector<NamingTable>* namings(const std::string& slot) {
    static const std::vector<NamingTable> none;
    return slot == "language_decoder" ? &none : nullptr;
  }
  WeightMemory memory(const std::string& name, at::ScalarType dtype) const {
    const WeightsConfig config = files(name);
    return memory_of_weights(store_, &config, namings, at::kCPU, dtype);
  }
  /// The bytes of the weights outside the file, once they are loaded.
  int64_t allocated(const std::string& name, at::ScalarType dtype) {
    load_weights(store_, files(name), namings, at::kCPU, dtype, 1);
    int64_t bytes = 0;
    for (const auto& slot : store_.slots()) {
      const std::string_view all = slot->origins.front().file->bytes();
      const auto* const data = static_cast<const char*>(slot->tensor.const_data_ptr());
      const bool in_file = data >= all.data() && data < all.data() + all.size();
      if (!in_file) bytes += static_cast<int64_t>(slot->tensor.nbytes());
    }
    return bytes;
  }

  test::Scratch scratch_;
  WeightStore store_;
};

// A block of Q8_0 has 32 numbers in 34 bytes.
TEST_F(WeightMemoryTest, BlocksThatAreDecodedAreAllocated) {
  test::GgufFile file;
  file.tensor("x.matrix", {32, 4}, kQ8_0, std::string(4 * 34, '\0')).tensor("x.bias", {4}, {1, 2, 3, 4});
  write_file(scratch_ / "f.gguf", file.bytes());
  const WeightMemory as_it_is = memory("f.gguf", at::kFloat), half = memory("f.gguf", at::kBFloat16);
  EXPECT_EQ(as_it_is.mapped, 4 * 34 + 16);
  EXPECT_EQ(as_it_is.allocated, 4 * 32 * 4);  // the bias is used where it lies
  EXPECT_EQ(half.mapped, 4 * 34 + 16);
  EXPECT_EQ(half.allocated, (4 * 32 + 4) * 2);
  EXPECT_EQ(allocated("f.gguf", at::kFloat), as_it_is.allocated);
}

TEST_F(WeightMemoryTest, ValuesThatAreNotAlignedAreCopied) {
  std::string header = R"({"x.matrix": {"dtype": "F32", "shape": [4, 32], "data_offsets": [0, 512]}, )"
                       R"("x.bias": {"dtype": "F32", "shape": [4], "data_offsets": [512, 528]}})";
  header.resize((header.size() + 3) / 4 * 4 + 1, ' ');
  const uint64_t length = header.size();
  write_file(
      scratch_ / "odd.safetensors",
      std::string(reinterpret_cast<const char*>(&length), sizeof length) + header + std::string(528, 'x'));
  const WeightMemory odd = memory("odd.safetensors", at::kFloat);
  EXPECT_EQ(odd.mapped, 528);
  EXPECT_EQ(odd.allocated, 528);
  EXPECT_EQ(allocated("odd.safetensors", at::kFloat), odd.allocated);
}

}  // namespace
}  // namespace flam
