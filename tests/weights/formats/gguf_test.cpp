#include "framework/weights/formats/gguf.h"

#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include "framework/base/file.h"
#include "framework/weights/checkpoint.h"
#include "tests/support/gguf_file.h"
#include "tests/weights/forge.h"

namespace flam {
namespace {

using namespace test;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr uint32_t kF32 = 0, kQ8_0 = 8;

class Gguf : public testing::Test {
 protected:
  std::unique_ptr<Checkpoint> open(const std::string& bytes) {
    write(folder_ / "f.gguf", bytes);
    return open_checkpoint(folder_ / "f.gguf");
  }
  std::string refusal(const GgufFile& file) {
    return error_of([&] { open(file.bytes()); });
  }
  static GgufFile with_tensor() { return GgufFile().tensor("t", {3, 2}, {0, 1, 2, 3, 4, 5}); }

  Scratch folder_;
};

TEST_F(Gguf, BlocksHaveTheValuesOfThePackageGguf) {
  const std::filesystem::path golden = FLAM_SOURCE_DIR "/tests/golden/gguf";
  const auto file = open_checkpoint(golden / "blocks.gguf");
  const auto expected = open_checkpoint(golden / "blocks.safetensors");
  EXPECT_EQ(file->names(), expected->names());
  ASSERT_EQ(file->names().size(), 11u);
  for (const std::string& name : file->names()) {
    const at::Tensor ours = file->tensor(name), theirs = expected->tensor(name),
                     meta = file->meta_tensor(name);
    EXPECT_TRUE(at::equal(ours.to(at::kFloat), theirs.to(at::kFloat))) << name;
    EXPECT_EQ(meta.sizes(), theirs.sizes()) << name;
    EXPECT_EQ(meta.scalar_type(), ours.scalar_type()) << name;
    EXPECT_EQ(ours.scalar_type(), name == "F16" ? at::kHalf : name == "BF16" ? at::kBFloat16 : at::kFloat);
  }
  EXPECT_EQ(file->metadata().at("general.architecture"), "llama");
}

TEST_F(Gguf, TensorsThatAreNotQuantisedAreMapped) {
  for (const uint32_t version : {2u, 3u}) {
    GgufFile forged = with_tensor();
    forged.version = version;
    const auto file = open(forged.bytes());
    const at::Tensor tensor = file->tensor("t");
    EXPECT_EQ(tensor.sizes(), (std::vector<int64_t>{2, 3}));
    EXPECT_EQ(tensor[1][0].item<float>(), 3);
    const auto* begin = file->file_of("t")->data();
    const auto* data = static_cast<const std::byte*>(tensor.const_data_ptr());
    EXPECT_TRUE(begin < data && data < begin + file->file_of("t")->size());
  }
}

TEST_F(Gguf, MetadataOfEveryTypeAreRead) {
  GgufFile forged;
  forged.key("u8", GgufFile::u8, GgufFile::plain<uint8_t>(200))
      .key("i8", GgufFile::i8, GgufFile::plain<int8_t>(-3))
      .key("u16", GgufFile::u16, GgufFile::plain<uint16_t>(60000))
      .key("i16", GgufFile::i16, GgufFile::plain<int16_t>(-300))
      .key("u32", 4000000000u)
      .key("i32", GgufFile::i32, GgufFile::plain<int32_t>(-70000))
      .key("f32", 0.5f)
      .key("yes", true)
      .key("text", "na\u00efve")
      .key("u64", GgufFile::u64, GgufFile::plain<uint64_t>(INT64_MAX))
      .key("i64", GgufFile::i64, GgufFile::plain<int64_t>(-1))
      .key("f64", GgufFile::f64, GgufFile::plain(0.25))
      .key("texts", std::vector<std::string>{"a", "", "bc"})
      .key("numbers", std::vector<float>{1.5f, -2})
      .key("whole", std::vector<int32_t>{7, -8})
      .key("none", std::vector<std::string>{});
  write(folder_ / "f.gguf", forged.bytes());
  const GgufMetadata metadata(MappedFile::open(folder_ / "f.gguf"));
  for (const auto& [key, value] : std::map<std::string, int64_t>{{"u8", 200},
                                                                 {"i8", -3},
                                                                 {"u16", 60000},
                                                                 {"i16", -300},
                                                                 {"u32", 4000000000},
                                                                 {"i32", -70000},
                                                                 {"u64", INT64_MAX},
                                                                 {"i64", -1}})
    EXPECT_EQ(metadata.integer(key), value) << key;
  EXPECT_EQ(std::get<double>(metadata.values().at("f32")), 0.5);
  EXPECT_EQ(std::get<double>(metadata.values().at("f64")), 0.25);
  EXPECT_EQ(metadata.flag("yes"), true);
  EXPECT_EQ(metadata.text("text"), "na\u00efve");
  EXPECT_THAT(*metadata.texts("texts"), ElementsAre("a", "", "bc"));
  EXPECT_THAT(*metadata.texts("none"), ElementsAre());
  EXPECT_THAT(*metadata.numbers("numbers"), ElementsAre(1.5, -2));
  EXPECT_THAT(*metadata.numbers("whole"), ElementsAre(7, -8));
  EXPECT_EQ(metadata.text("absent"), std::nullopt);
  EXPECT_EQ(metadata.numbers("absent"), std::nullopt);
  EXPECT_THAT(error_of([&] { metadata.text("u8"); }), HasSubstr("the key 'u8' is not a text"));
  EXPECT_THAT(error_of([&] { metadata.integer("f32"); }), HasSubstr("is not a whole number"));
  EXPECT_THAT(error_of([&] { metadata.numbers("texts"); }), HasSubstr("array of string, expected numbers"));
  EXPECT_THAT(error_of([&] { metadata.texts("whole"); }), HasSubstr("array of int32, expected texts"));
}

TEST_F(Gguf, TheAlignmentIsThatOfTheFile) {
  GgufFile forged;
  forged.alignment = 256;
  forged.key("general.alignment", 256u).tensor("a", {1}, {1}).tensor("b", {2}, {2, 3});
  EXPECT_EQ(open(forged.bytes())->tensor("b")[1].item<float>(), 3);
  GgufFile wrong = GgufFile().key("general.alignment", 256u).tensor("a", {1}, {1}).tensor("b", {1}, {2});
  wrong.data.resize(1024);
  EXPECT_THAT(refusal(wrong),
              HasSubstr("expected 256 (overlap, hole, or not a multiple of the alignment 256)"));
  for (const uint32_t bad : {0u, 48u})
    EXPECT_THAT(refusal(GgufFile().key("general.alignment", bad)), HasSubstr("expected a power of two"));
}

TEST_F(Gguf, EmptyTensorsAreRead) {
  GgufFile forged;
  forged.tensor("empty", {0, 4}, {}).tensor("scalar", {}, {7}).tensor("none", {32, 0}, kQ8_0, "");
  const auto file = open(forged.bytes());
  EXPECT_EQ(file->tensor("empty").sizes(), (std::vector<int64_t>{4, 0}));
  EXPECT_EQ(file->tensor("none").numel(), 0);
  EXPECT_EQ(file->tensor("scalar").item<float>(), 7);
}

TEST_F(Gguf, OtherVersionsMachinesAndPartsAreRefused) {
  GgufFile file = with_tensor();
  file.version = 1;
  EXPECT_THAT(refusal(file), AllOf(HasSubstr("f.gguf: GGUF: "), HasSubstr("version 1; expected 2 or 3")));
  file.version = 0x03000000;
  EXPECT_THAT(refusal(file), HasSubstr("big-endian; convert it with gguf_convert_endian.py"));
  const std::string split = refusal(GgufFile()
                                        .key("split.no", GgufFile::u16, GgufFile::plain<uint16_t>(1))
                                        .key("split.count", GgufFile::u16, GgufFile::plain<uint16_t>(3)));
  EXPECT_THAT(split, HasSubstr("part 2 of 3 of a split model; join the parts: llama-gguf-split --merge"));
}

TEST_F(Gguf, UnsupportedTypesOfTensorsAreNamed) {
  EXPECT_THAT(
      refusal(GgufFile().table_entry("w", {256}, 10, 0)),
      HasSubstr("tensor 'w' has the type Q2_K, which is not supported; supported: F32, F16, BF16, F64, "
                "Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K, I8"));
  EXPECT_THAT(refusal(GgufFile().table_entry("w", {256}, 4000000, 0)), HasSubstr("the type number 4000000"));
}

TEST_F(Gguf, EveryTruncationIsRefused) {
  GgufFile forged;
  forged.key("a", "text").key("b", std::vector<std::string>{"x", "y"}).key("c", std::vector<float>{1, 2});
  forged.tensor("t", {32}, kQ8_0, std::string(34, 'x')).tensor("u", {2}, {1, 2});
  const std::string bytes = forged.bytes();
  EXPECT_EQ(error_of([&] { open(bytes); }), "");
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(error_of([&] { open(bytes.substr(0, size)); }), "") << size;
}

TEST_F(Gguf, CountsAndLengthsThatWrapAreRefused) {
  GgufFile file = with_tensor();
  file.key_count = UINT64_MAX;
  EXPECT_THAT(refusal(file), HasSubstr("states 18446744073709551615 keys; at most 65536"));
  file = with_tensor();
  file.tensor_count = UINT64_MAX;
  EXPECT_THAT(refusal(file), HasSubstr("states 18446744073709551615 tensors; at most 65536"));
  file.tensor_count = 2;
  EXPECT_NE(refusal(file), "");
  for (const uint64_t count : {UINT64_MAX, UINT64_MAX / 4 + 2, uint64_t{1} << 61}) {
    for (const uint32_t type : {GgufFile::f32, GgufFile::string, GgufFile::u64}) {
      const std::string bytes = GgufFile::plain(type) + GgufFile::plain(count);
      EXPECT_THAT(refusal(GgufFile().key("k", GgufFile::array, bytes)), HasSubstr("is it truncated?"));
    }
    EXPECT_THAT(refusal(GgufFile().key("k", GgufFile::string, GgufFile::plain(count) + "x")),
                HasSubstr("is it truncated?"));
  }
  GgufFile named;
  named.keys = GgufFile::plain<uint64_t>(1 << 20) + "x";
  named.key_count = 1;
  EXPECT_THAT(refusal(named), HasSubstr("has 1048576 bytes; at most 65535 are allowed"));
  EXPECT_THAT(refusal(GgufFile().table_entry(std::string(300, 'n'), {1}, kF32, 0)),
              HasSubstr("has 300 bytes; at most 256 are allowed"));
}

TEST_F(Gguf, WrongShapesAreRefused) {
  const auto shape = [&](const std::vector<uint64_t>& dims, uint32_t type = kF32) {
    return refusal(GgufFile().table_entry("t", dims, type, 0));
  };
  EXPECT_THAT(shape({1, 1, 1, 1, 1}), HasSubstr("tensor 't' has 5 dimensions; at most 4"));
  EXPECT_THAT(shape({uint64_t{1} << 63}), HasSubstr("has a dimension of 9223372036854775808"));
  EXPECT_THAT(shape({uint64_t{1} << 32, uint64_t{1} << 31}), HasSubstr("product overflows"));
  EXPECT_THAT(shape({uint64_t{1} << 61}), HasSubstr("product overflows"));
  EXPECT_THAT(shape({INT64_MAX - 31}, kQ8_0), HasSubstr("product overflows"));
  EXPECT_THAT(shape({uint64_t{1} << 40}), HasSubstr("is the file truncated?"));
  EXPECT_THAT(shape({48}, kQ8_0),
              HasSubstr("rows of 48 elements; for the type Q8_0 they must be a multiple of 32"));
  EXPECT_THAT(shape({}, 12), HasSubstr("rows of 1 elements; for the type Q4_K"));
}

TEST_F(Gguf, WrongOffsetsAreRefused) {
  const auto second_at = [&](uint64_t offset) {
    GgufFile file = with_tensor();
    file.table_entry("u", {1}, kF32, offset);
    file.data.resize(256);
    return refusal(file);
  };
  EXPECT_EQ(second_at(32), "");
  EXPECT_THAT(second_at(0), HasSubstr("overlap"));
  EXPECT_THAT(second_at(24), HasSubstr("starts at byte 24 of the data, expected 32"));
  EXPECT_THAT(second_at(64), HasSubstr("hole"));
  EXPECT_THAT(second_at(UINT64_MAX - 31), HasSubstr("starts at byte 18446744073709551584"));
}

TEST_F(Gguf, DuplicatesAndNestedArraysAreRefused) {
  EXPECT_THAT(refusal(GgufFile().key("k", 1u).key("k", "x")), HasSubstr("the key 'k' occurs twice"));
  EXPECT_THAT(refusal(with_tensor().tensor("t", {1}, {1})), HasSubstr("the name 't' belongs to two tensors"));
  const std::string nested = GgufFile::plain<uint32_t>(GgufFile::array) + GgufFile::plain<uint64_t>(1);
  EXPECT_THAT(refusal(GgufFile().key("k", GgufFile::array, nested)), HasSubstr("array of arrays"));
  EXPECT_THAT(refusal(GgufFile().key("k", 13, "")), HasSubstr("the key 'k' has the unknown type 13"));
  EXPECT_THAT(refusal(GgufFile().key("k", GgufFile::u64, GgufFile::plain(UINT64_MAX))),
              HasSubstr("needs more than 63 bits"));
}

}  // namespace
}  // namespace flam
