#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include "framework/weights/checkpoint.h"
#include "tests/weights/forge.h"

namespace flam {
namespace {

using namespace test;
using testing::AllOf;
using testing::HasSubstr;

class Safetensors : public testing::Test {
 protected:
  std::unique_ptr<Checkpoint> open(const std::string& bytes) {
    write(folder_ / "f.safetensors", bytes);
    return open_checkpoint(folder_ / "f.safetensors");
  }
  std::string refusal(const std::string& header, size_t data = 8) {
    return error_of([&] { open(safetensors(header, std::string(data, '\0'))); });
  }
  Scratch folder_;
};

TEST_F(Safetensors, WrittenFilesAreReadBack) {
  const at::Tensor numbers = at::arange(12, at::kFloat).view({3, 4});
  std::vector<std::pair<std::string, at::Tensor>> tensors{
      {"bytes", numbers.to(at::kByte).t()}, {"nothing", numbers.narrow(0, 0, 0)}, {"one", numbers[2][3]}};
  for (const auto dtype : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt, at::kShort,
                           at::kChar, at::kBool}) {
    tensors.emplace_back(c10::toString(dtype), numbers.to(dtype));
  }
  write_safetensors(folder_ / "f", tensors, {{"step", "7"}});
  const auto file = open_checkpoint(folder_ / "f");
  EXPECT_EQ(file->names().size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    EXPECT_TRUE(at::equal(file->tensor(name), tensor)) << name;
    EXPECT_EQ(file->tensor(name).scalar_type(), tensor.scalar_type());
  }
  EXPECT_EQ(file->metadata().at("step"), "7");
  EXPECT_NE(error_of([&] { write_safetensors(folder_ / "g", {{"c", numbers.to(at::kComplexFloat)}}); }), "");
  EXPECT_THAT(error_of([&] {
                write_safetensors(folder_ / "g", {{"twice", numbers}, {"twice", numbers}});
              }),
              HasSubstr("'twice' is given twice"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "g"));
}

TEST_F(Safetensors, UnalignedTensorsAreCopied) {
  const auto file = open(safetensors(
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}} )",
      "x" + bytes_of(std::vector<float>{2.5f})));
  EXPECT_EQ(file->tensor("b").item<float>(), 2.5f);
}

TEST_F(Safetensors, BadHeadersAreRefused) {
  const std::string good = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  EXPECT_EQ(refusal(good), "");
  EXPECT_THAT(refusal(good, 9), HasSubstr("1 bytes after the last tensor"));
  EXPECT_THAT(refusal(good, 7), HasSubstr("truncated"));
  const auto one = [&](const std::string& entry) { return refusal("{\"a\":" + entry + "}"); };
  EXPECT_THAT(one(R"({"dtype":"F8","shape":[2],"data_offsets":[0,8]})"), HasSubstr("unsupported dtype 'F8'"));
  EXPECT_THAT(one(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})"), HasSubstr("need 12"));
  EXPECT_THAT(one(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})"), HasSubstr("expected 0"));
  EXPECT_THAT(one(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})"), HasSubstr("negative"));
  EXPECT_THAT(one(R"({"dtype":"F32","shape":[2.0],"data_offsets":[0,8]})"), HasSubstr("no integer"));
  EXPECT_THAT(one(R"({"dtype":"F32","shape":2,"data_offsets":[0,8]})"), HasSubstr("where none belongs"));
  EXPECT_THAT(one(R"({"dtype":"F32","shape":[[2]],"data_offsets":[0,8]})"), HasSubstr("where none belongs"));
  EXPECT_THAT(one(R"({"dtype":"F32","shape":["2"],"data_offsets":[0,8]})"), HasSubstr("where none belongs"));
  EXPECT_THAT(one(R"({"dtype":"F32","shape":"2","data_offsets":[0,8]})"), HasSubstr("text '2' stands where"));
  EXPECT_THAT(one(R"({"dtype":["F32"],"shape":[2],"data_offsets":[0,8]})"),
              HasSubstr("a list stands where none belongs"));
  EXPECT_THAT(one("[1]"), HasSubstr("a list stands where none belongs"));
  EXPECT_THAT(one("\"x\""), HasSubstr("the text 'x' stands where none belongs"));
  std::string ones = "1";
  for (int i = 0; i < 64; ++i) ones += ",1";
  EXPECT_THAT(one(R"({"dtype":"F32","shape":[)" + ones + R"(],"data_offsets":[0,8]})"),
              HasSubstr("tensor 'a' has more than 64 dimensions"));
  EXPECT_THAT(one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,4,8]})"), HasSubstr("two data_offsets"));
  EXPECT_THAT(one(R"({"dtype":"F32","shape":[2]})"), HasSubstr("lacks one of"));
  EXPECT_THAT(one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8],"extra":1})"),
              HasSubstr("unknown field 'extra'"));
  EXPECT_THAT(one(R"({"dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8]})"),
              HasSubstr("'shape' occurs twice"));
  EXPECT_THAT(one(R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]})"),
              HasSubstr("overflows"));
  EXPECT_THAT(one(R"({"dtype":"F32","shape":[0,4611686018427387904,4],"data_offsets":[0,0]})"),
              HasSubstr("overflows"));
  EXPECT_THAT(one(R"({"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8]})"),
              HasSubstr("too large"));
  EXPECT_THAT(one("3"), HasSubstr("where none belongs"));
  EXPECT_THAT(one("null"), HasSubstr("where none belongs"));
  EXPECT_THAT(one("true"), HasSubstr("where none belongs"));
  EXPECT_THAT(one("{\"dtype\":{\"x\":{}}}"), HasSubstr("too deeply"));
  EXPECT_THAT(one(std::string(100000, '[')), HasSubstr("where none belongs"));
  EXPECT_THAT(
      refusal(
          R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})"),
      HasSubstr("'a' occurs twice"));
  const auto two = [&](const char* second) {
    return refusal(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8",)" +
                   std::string(second) + "}}");
  };
  EXPECT_EQ(two(R"("shape":[4],"data_offsets":[4,8])"), "");
  EXPECT_THAT(two(R"("shape":[5],"data_offsets":[3,8])"), HasSubstr("overlap or hole"));
  EXPECT_THAT(two(R"("shape":[3],"data_offsets":[5,8])"), HasSubstr("overlap or hole"));
  EXPECT_THAT(refusal("{\"a"), HasSubstr("not JSON"));
  EXPECT_THAT(refusal("{} x"), HasSubstr("not JSON"));
  EXPECT_THAT(refusal("{\"\xff\xfe\":{}}"), HasSubstr("not JSON"));
  EXPECT_THAT(refusal("{\"__metadata__\":{\"a\":1}}"), HasSubstr("where none belongs"));
  EXPECT_THAT(refusal("{\"__metadata__\":{\"a\":[]}}"), HasSubstr("where none belongs"));
  EXPECT_THAT(refusal("{\"__metadata__\":\"a\"}"), HasSubstr("where none belongs"));
}

TEST_F(Safetensors, LengthsAreCheckedBeforeUse) {
  const auto raw = [&](const std::string& bytes) { return error_of([&] { open(bytes); }); };
  EXPECT_THAT(raw(""), HasSubstr("neither safetensors"));
  EXPECT_THAT(raw(le(1000, 8) + "{}"), HasSubstr("in a file of 10"));
  EXPECT_THAT(raw(le(200'000'000, 8) + "{}"), HasSubstr("at most 100000000"));
  EXPECT_THAT(raw(le(UINT64_MAX, 8) + "{}"), HasSubstr("at most 100000000"));
  EXPECT_THAT(raw(le(3, 8)), HasSubstr("8 bytes are too few for a header"));
  EXPECT_THAT(raw(le(2, 8) + "[] "), HasSubstr("does not start with '{'"));
  EXPECT_THAT(raw("version https://git-lfs.github.com/spec/v1\n"), HasSubstr("git lfs pull"));
  EXPECT_THAT(error_of([&] { open_checkpoint(folder_ / "absent"); }), HasSubstr("absent"));
}

TEST_F(Safetensors, EveryTruncationIsRefused) {
  const std::string bytes =
      safetensors(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", std::string(8, '\0'));
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(error_of([&] { open(bytes.substr(0, size)); }), "") << size;
  }
}

TEST_F(Safetensors, EveryChangedByteIsReadOrRefused) {
  const std::string bytes =
      safetensors(R"({"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
                  std::string(8, '\0'));
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (const char change : {'\x01', '\x10', '\x80'}) {
      std::string copy = bytes;
      copy[i] = static_cast<char>(copy[i] ^ change);
      error_of([&] {
        const auto file = open(copy);
        for (const std::string& name : file->names()) file->tensor(name).sum();
      });
    }
  }
}

TEST_F(Safetensors, ShardsMustBeInTheFolderOfTheIndex) {
  write(folder_ / "s.safetensors",
        safetensors(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x"));
  const auto index = [&](const std::string& text) {
    write(folder_ / "m.index.json", text);
    return error_of([&] { open_checkpoint(folder_ / "m.index.json"); });
  };
  EXPECT_EQ(index(R"({"metadata":{}, "weight_map":{"a":"s.safetensors"}})"), "");
  const auto sharded = open_checkpoint(folder_ / "m.index.json");
  EXPECT_TRUE(sharded->metadata().empty());
  EXPECT_THAT(error_of([&] { sharded->tensor("b"); }),
              AllOf(HasSubstr("m.index.json: lists no tensor 'b'"), HasSubstr("did you mean 'a'?")));
  EXPECT_THAT(index(R"({"weight_map":{"a":"."}})"), HasSubstr("not the name of a file beside it"));
  EXPECT_THAT(index(R"({"weight_map":{"a":""}})"), HasSubstr("not the name of a file beside it"));
  EXPECT_THAT(index(R"({"weight_map":["a"]})"), HasSubstr("needs a 'weight_map'"));
  EXPECT_THAT(index(R"({"weight_map":{"a":"../s.safetensors"}})"),
              HasSubstr("not the name of a file beside it"));
  EXPECT_THAT(index(R"({"weight_map":{"a":"/etc/passwd"}})"), HasSubstr("not the name of a file beside it"));
  EXPECT_THAT(index(R"({"weight_map":{"a":".."}})"), HasSubstr("not the name of a file beside it"));
  EXPECT_THAT(index(R"({"weight_map":{"a":3}})"), HasSubstr("not the name of a file beside it"));
  EXPECT_THAT(index(R"({"weight_map":{"a":"t.safetensors"}})"), HasSubstr("t.safetensors"));
  EXPECT_THAT(index(R"({"weight_map":{"b":"s.safetensors"}})"), HasSubstr("does not hold tensor 'b'"));
  EXPECT_THAT(index(R"({"weight_map":{"a":"m.index.json"}})"), HasSubstr("neither safetensors"));
  EXPECT_THAT(index(R"({"weights":{}})"), HasSubstr("needs a 'weight_map'"));
  EXPECT_THAT(index("{\"weight_map\":" + std::string(100000, '[')), HasSubstr("nested too deeply"));
  EXPECT_THAT(index("{\"weight_map\""), HasSubstr("not a JSON index"));
  EXPECT_THAT(error_of([&] { open_checkpoint(folder_ / ""); }), HasSubstr("neither model.safetensors"));
  std::filesystem::resize_file(folder_ / "m.index.json",
                               100'000'001);  // a sparse file, which takes no disk space
  EXPECT_THAT(error_of([&] { open_checkpoint(folder_ / "m.index.json"); }),
              HasSubstr("an index of 100000001 bytes; at most 100000000"));
}

}  // namespace
}  // namespace flam
