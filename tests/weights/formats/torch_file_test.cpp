// Files as torch.save writes them, and files as an attacker might write them.
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>

#include "framework/base/file.h"
#include "framework/weights/checkpoint.h"
#include "tests/weights/forge.h"

namespace flam {
namespace {

using namespace test;
using testing::HasSubstr;

const std::vector<float> kSix{0, 1, 2, 3, 4, 5};

class TorchFile : public testing::Test {
 protected:
  std::unique_ptr<Checkpoint> open(const std::string& bytes) {
    write(folder_ / "f.pth", bytes);
    return open_checkpoint(folder_ / "f.pth");
  }
  /// Opens a file whose pickle is `body` and whose storage "0" holds six floats.
  std::unique_ptr<Checkpoint> open_pickle(const std::string& body) {
    return open(torch_zip(pickle(body), {bytes_of(kSix)}));
  }
  std::string refusal(const std::string& body) {
    return error_of([&] { open_pickle(body); });
  }
  static std::string matrix() { return tensor(storage("FloatStorage", "0", 6), 0, {2, 3}, {3, 1}); }
  Scratch folder_;
};

TEST_F(TorchFile, TensorsShareStoragesAndKeepTheirStrides) {
  const auto file =
      open_pickle(dict({{"whole", matrix()},
                        {"transposed", tensor(storage("FloatStorage", "0", 6), 0, {3, 2}, {1, 3})},
                        {"tail", tensor(storage("FloatStorage", "0", 6), 4, {2}, {1})},
                        {"scalar", tensor(storage("FloatStorage", "0", 6), 5, {}, {})},
                        {"none", tensor(storage("FloatStorage", "0", 6), 6, {0, 3}, {3, 1})}}));
  const at::Tensor whole = file->tensor("whole");
  EXPECT_TRUE(at::equal(whole, at::tensor(kSix).view({2, 3})));
  EXPECT_TRUE(at::equal(file->tensor("transposed"), whole.t()));
  EXPECT_TRUE(at::equal(file->tensor("tail"), at::tensor({4.f, 5.f})));
  EXPECT_EQ(file->tensor("scalar").item<float>(), 5);
  EXPECT_EQ(file->tensor("none").numel(), 0);
  EXPECT_EQ(file->tensor("tail").data_ptr(), whole.view({-1}).narrow(0, 4, 2).data_ptr());
}

TEST_F(TorchFile, EveryStorageType) {
  const std::vector<std::pair<std::string, at::ScalarType>> types{
      {"DoubleStorage", at::kDouble},     {"FloatStorage", at::kFloat}, {"HalfStorage", at::kHalf},
      {"BFloat16Storage", at::kBFloat16}, {"LongStorage", at::kLong},   {"IntStorage", at::kInt},
      {"ShortStorage", at::kShort},       {"CharStorage", at::kChar},   {"ByteStorage", at::kByte},
      {"BoolStorage", at::kBool}};
  for (const auto& [name, dtype] : types) {
    const size_t width = c10::elementSize(dtype);
    const auto file = open(torch_zip(pickle(dict({{"t", tensor(storage(name, "0", 3), 0, {3}, {1})}})),
                                     {std::string(3 * width, '\0')}));
    EXPECT_EQ(file->tensor("t").scalar_type(), dtype);
  }
}

TEST_F(TorchFile, ParametersMetadataAndOtherData) {
  // A state dict is an OrderedDict with an attribute _metadata; it may be stored beside plain values.
  const std::string parameter =
      global("torch._utils", "_rebuild_parameter") + tuple({matrix(), "\x88", ordered_dict()}) + "R";
  const std::string state =
      ordered_dict() + "(" + text("w") + parameter + "u" + dict({{"_metadata", ordered_dict()}}) + "b";
  const auto file = open_pickle(dict({{"state_dict", state},
                                      {"epoch", number(-3)},
                                      {"loss", std::string("G") + std::string(8, '\0')},
                                      {"history", "](K\1K\2Ne"},
                                      {"done", "\x88"}}));
  EXPECT_EQ(file->names(), std::vector<std::string>{"w"});
}

TEST_F(TorchFile, OnlyTensorsWithTextNamesAreRead) {
  const std::string numbered = "}(" + text("w") + matrix() + number(3) + matrix() + "u";
  EXPECT_EQ(open_pickle(numbered)->names(), std::vector<std::string>{"w"});
  EXPECT_THAT(refusal("}(" + number(3) + matrix() + "u"), HasSubstr("holds no dict of tensors"));
}

TEST_F(TorchFile, WholeNumbersOfEveryWidth) {
  // BININT (32 bits) and LONG1 of no bytes, which is zero.
  const std::string offset = std::string("\x8a\0", 2), size = "J" + le(6, 4);
  const std::string view =
      global("torch._utils", "_rebuild_tensor_v2") +
      tuple({storage("FloatStorage", "0", 6), offset, tuple({size}), numbers({1}), "\x89", ordered_dict()}) +
      "R";
  EXPECT_TRUE(at::equal(open_pickle(dict({{"w", view}}))->tensor("w"), at::tensor(kSix)));
}

TEST_F(TorchFile, ProtocolFour) {
  const auto short_text = [](const std::string& value) { return "\x8c" + le(value.size(), 1) + value; };
  const std::string stored =
      tuple({short_text("storage"), short_text("torch") + short_text("FloatStorage") + "\x93",
             short_text("0"), short_text("cpu"), "K\6"}) +
      "Q";
  const std::string function = short_text("torch._utils") + short_text("_rebuild_tensor_v2") + "\x93\x94";
  const std::string body = "}" + short_text("w") + function + "(" + stored + number(0) +
                           "K\2K\3\x86K\3K\1\x86\x89" + short_text("collections") +
                           short_text("OrderedDict") + "\x93)RtRs";
  const std::string whole = std::string("\x80\x04\x95") + le(body.size() + 1, 8) + body + ".";
  EXPECT_EQ(open(torch_zip(whole.substr(0), {bytes_of(kSix)}))->tensor("w").sizes(), at::IntArrayRef({2, 3}));
}

TEST_F(TorchFile, ShardsWithAnIndex) {
  for (const std::string name : {"a", "b"}) {
    write(folder_ / (name + ".bin"), torch_zip(pickle(dict({{name, matrix()}})), {bytes_of(kSix)}));
  }
  write(folder_ / "pytorch_model.bin.index.json", R"({"weight_map": {"a": "a.bin", "b": "b.bin"}})");
  const auto folder = open_checkpoint(folder_ / "");
  EXPECT_EQ(folder->names(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(folder->file_of("b")->path().filename(), "b.bin");
  EXPECT_EQ(folder->tensor("a").sum().item<float>(), 15);
}

TEST_F(TorchFile, UnknownNamesAreRefusedByName) {
  EXPECT_THAT(refusal(global("posix", "system") + "(" + text("touch /tmp/owned") + "tR"),
              HasSubstr("'posix.system'"));
  EXPECT_THAT(refusal(global("torch", "FloatStorage\x1b[31m")), HasSubstr("\\x1b[31m"));
  EXPECT_THAT(refusal(text("builtins") + text("eval") + "\x93"), HasSubstr("'builtins.eval'"));
  EXPECT_THAT(refusal(global("torch._utils", "_rebuild_qtensor")),
              HasSubstr("'torch._utils._rebuild_qtensor'"));
  EXPECT_THAT(refusal(global("torch", "ComplexFloatStorage")), HasSubstr("'torch.ComplexFloatStorage'"));
}

TEST_F(TorchFile, OpcodesThatBuildObjectsAreRefused) {
  EXPECT_THAT(refusal("(iposix\nsystem\n"), HasSubstr("INST"));
  EXPECT_THAT(refusal("(" + ordered_dict() + "o"), HasSubstr("OBJ"));
  EXPECT_THAT(refusal(global("collections", "OrderedDict") + ")\x81"),
              HasSubstr("NEWOBJ of a class other than torch.nn.Parameter"));
  EXPECT_THAT(refusal("\x82\x01"), HasSubstr("EXT1"));
  EXPECT_THAT(refusal("P0\n"), HasSubstr("PERSID"));
  EXPECT_THAT(refusal("\x8b" + le(1000000000, 4)), HasSubstr("LONG4"));
  EXPECT_THAT(refusal("}}b"), HasSubstr("BUILD on an object that is neither OrderedDict nor Parameter"));
  EXPECT_THAT(refusal(matrix() + "}b"), HasSubstr("BUILD"));
  EXPECT_THAT(refusal("]" + number(1) + number(2) + "s"), HasSubstr("expected a dict to set items of"));
  EXPECT_THAT(refusal(")K\1a"), HasSubstr("appends to a tuple"));
  EXPECT_THAT(refusal(text("x") + ")R"), HasSubstr("not a known function"));
  const auto ordered = [](const std::vector<std::string>& arguments) {
    return global("collections", "OrderedDict") + tuple(arguments) + "R";
  };
  EXPECT_THAT(refusal(ordered({"]", "]"})), HasSubstr("OrderedDict with more than one argument"));
  EXPECT_THAT(refusal(ordered({number(1)})), HasSubstr("expected a list of pairs"));
  EXPECT_THAT(refusal(ordered({"]" + number(1) + "a"})), HasSubstr("expected a pair"));
  EXPECT_THAT(refusal(ordered({"]]a"})), HasSubstr("items that are not pairs"));
  EXPECT_THAT(refusal(global("torch._utils", "_rebuild_tensor") + tuple({number(0)}) + "R"),
              HasSubstr("_rebuild_tensor without its 4 arguments"));
  EXPECT_THAT(refusal(parameter("", "R")), HasSubstr("Parameter without its tensor"));
  EXPECT_THAT(refusal(parameter(number(1), "\x81")), HasSubstr("expected a tensor in torch.nn.Parameter"));
  EXPECT_THAT(refusal(parameter(matrix(), "R") + "}b"), HasSubstr("expected a tuple as state"));
  EXPECT_THAT(refusal(parameter(matrix(), "R") + numbers({1}) + "b"), HasSubstr("requires_grad, volatile"));
  EXPECT_THAT(refusal(global("torch._utils", "_rebuild_parameter") + tuple({matrix()}) + "R"),
              HasSubstr("_rebuild_parameter without its 3 arguments"));
  EXPECT_THAT(refusal(global("torch._utils", "_rebuild_tensor_v2") +
                      tuple({storage("FloatStorage", "0", 6), number(0)}) + "R"),
              HasSubstr("_rebuild_tensor_v2 without its 6 arguments"));
  EXPECT_THAT(
      refusal(global("torch._utils", "_rebuild_tensor_v2") +
              tuple({number(0), number(0), numbers({1}), numbers({1}), "\x89", ordered_dict()}) + "R"),
      HasSubstr("expected a storage in _rebuild_tensor"));
  EXPECT_THAT(refusal(tuple({text("module"), text("x")}) + "Q"), HasSubstr("a persistent id that is not"));
  EXPECT_THAT(refusal(legacy_storage("FloatStorage", "0", 6)),
              HasSubstr("('storage', type, key, location, count)"));
  EXPECT_THAT(refusal(storage("FloatStorage", std::string(101, '0'), 6)), HasSubstr("key of 101 bytes"));
}

TEST_F(TorchFile, WhatTorchBefore04AndPython2Wrote) {
  const std::string old_tensor =
      global("torch._utils", "_rebuild_tensor") +
      tuple({storage("FloatStorage", "0", 6), number(0), numbers({2, 3}), numbers({3, 1})}) + "R";
  const std::string state = tuple({"\x88", "\x89", ordered_dict()}) + "b";
  const auto pair = [](const std::string& name, const std::string& value) {
    return "](U" + le(name.size(), 1) + name + value + "e";
  };
  const auto file = open_pickle(global("collections", "OrderedDict") + "](" + pair("a", old_tensor) +
                                pair("b", parameter(old_tensor, "R") + state) +
                                pair("c", parameter(old_tensor, "\x81") + state) + "e\x85R");
  EXPECT_EQ(file->names(), (std::vector<std::string>{"a", "b", "c"}));
  for (const std::string& name : file->names())
    EXPECT_TRUE(at::equal(file->tensor(name), at::tensor(kSix).view({2, 3}))) << name;
}

TEST_F(TorchFile, BombsAreRefused) {
  EXPECT_THAT(refusal(std::string(100000, ']') + std::string(99999, 'a')), HasSubstr("nested more than"));
  EXPECT_THAT(refusal("X" + le(0xffffffff, 4)), HasSubstr("ends in the middle"));
  EXPECT_THAT(refusal("\x8d" + le(UINT64_MAX, 8)), HasSubstr("ends in the middle"));
  EXPECT_THAT(refusal("\x95" + le(UINT64_MAX, 8)), HasSubstr("frame longer"));
  EXPECT_THAT(refusal("\x8a\x20" + std::string(32, '\1')), HasSubstr("more than 64 bits"));
  EXPECT_THAT(refusal("j" + le(4000000000, 4)), HasSubstr("was not stored"));
  EXPECT_THAT(refusal(std::string(3000000, 'N')), HasSubstr("objects"));
  EXPECT_THAT(refusal(tensor(storage("FloatStorage", "0", 6), 0, std::vector<int64_t>(1000, 1), {1})),
              HasSubstr("1000 dimensions"));
  EXPECT_THAT(refusal("}r" + le(0xffffffff, 4) + "0"),
              HasSubstr("opcode"));      // a high memo index, which must not allocate the entries before it
  std::string laughs = "]q" + le(0, 1);  // each list holds the previous list twice, sixty times
  for (char i = 0; i < 60; ++i) laughs += "](h" + le(i, 1) + "h" + le(i, 1) + "eq" + le(i + 1, 1);
  EXPECT_NE(refusal(laughs), "");
  std::string copies = "](";  // one list for many dicts
  for (int i = 0; i < 1001; ++i) copies += "NN\x86";
  copies += "eq" + le(0, 1);
  for (int i = 0; i < 2000; ++i) copies += global("collections", "OrderedDict") + "h" + le(0, 1) + "\x85R";
  EXPECT_THAT(refusal(copies), HasSubstr("pairs in OrderedDict"));
  EXPECT_THAT(refusal(text(std::string(64 << 20, 'a'))), HasSubstr("a pickle of more than 67108864 bytes"));
}

TEST_F(TorchFile, BrokenPicklesAreRefused) {
  EXPECT_THAT(refusal("t"), HasSubstr("was not begun"));
  EXPECT_THAT(refusal("s"), HasSubstr("more objects than there are"));
  EXPECT_THAT(refusal("}(K\1u"), HasSubstr("key without a value"));
  EXPECT_THAT(refusal("}}"), HasSubstr("left over"));
  EXPECT_THAT(refusal("(}"), HasSubstr("left over"));
  EXPECT_THAT(refusal("cposix"), HasSubstr("name without end"));
  EXPECT_THAT(refusal("K\1"), HasSubstr("no dict of tensors"));
  EXPECT_THAT(refusal("}"), HasSubstr("no dict of tensors"));
  EXPECT_THAT(refusal(dict({{"w", matrix()}, {"w", matrix()}})), HasSubstr("occurs twice"));
  EXPECT_THAT(error_of([&] { open(torch_zip("\x80\x02}")); }), HasSubstr("ends in the middle"));
  EXPECT_THAT(error_of([&] { open(torch_zip("\x80\x09}.")); }), HasSubstr("protocol 9"));
  EXPECT_THAT(error_of([&] { open(torch_zip("\x80\x01}.")); }), HasSubstr("protocol 1, expected 2 to 5"));
  EXPECT_THAT(error_of([&] { open(torch_zip("(dp0\n.")); }), HasSubstr("protocol number"));
}

TEST_F(TorchFile, StoragesAndStridesAreChecked) {
  const auto w = [](const std::string& value) { return dict({{"w", value}}); };
  EXPECT_THAT(refusal(w(tensor(storage("FloatStorage", "0", 7), 0, {7}, {1}))),
              HasSubstr("but has 24 bytes"));
  EXPECT_THAT(refusal(w(tensor(storage("DoubleStorage", "0", 6), 0, {6}, {1}))),
              HasSubstr("but has 24 bytes"));
  EXPECT_THAT(refusal(w(tensor(storage("FloatStorage", "0", INT64_MAX), 0, {6}, {1}))),
              HasSubstr("but has 24 bytes"));
  EXPECT_THAT(refusal(w(tensor(storage("FloatStorage", "0", -1), 0, {6}, {1}))),
              HasSubstr("but has 24 bytes"));
  EXPECT_THAT(refusal(w(tensor(storage("FloatStorage", "../0", 6), 0, {6}, {1}))), HasSubstr("is missing"));
  for (const auto& [offset, sizes, strides] :
       std::vector<std::tuple<int64_t, std::vector<int64_t>, std::vector<int64_t>>>{
           {1, {2, 3}, {3, 1}},
           {-1, {2}, {1}},
           {0, {2, 3}, {4, 1}},
           {0, {2, 3}, {-3, 1}},
           {0, {7}, {0}},
           {0, {INT64_MAX, 2}, {1, 1}},
           {0, {-1}, {1}},
           {0, {2}, {INT64_MAX}},
           {INT64_MAX, {2, 2}, {INT64_MAX, 1}},
           {7, {0}, {1}},
           {0, {6}, {}}}) {
    EXPECT_NE(refusal(w(tensor(storage("FloatStorage", "0", 6), offset, sizes, strides))), "")
        << offset << sizes[0];
  }
}

TEST_F(TorchFile, UnusedEntriesAreIgnored) {
  const std::string data = pickle(dict({{"w", matrix()}}));
  const std::vector<ForgedEntry> sound{
      {"a/data.pkl", data}, {"a/byteorder", "little"}, {"a/data/0", bytes_of(kSix)}};
  for (const ForgedEntry& more : std::vector<ForgedEntry>{{"a/extra/notes.txt", "x"},
                                                          {"a/.data/serialization_id", "0123"},
                                                          {"a/code/", ""},
                                                          {"a/code/train.py", "import torch"},
                                                          {"a/constants.pkl", "x"},
                                                          {"a/readme", "packed", 8}}) {
    auto entries = sound;
    entries.push_back(more);
    EXPECT_EQ(open(zip(entries))->names(), std::vector<std::string>{"w"}) << more.name;
  }
  EXPECT_THAT(error_of([&] {
                open(zip({{"a/data.pkl", data}, {"a/data/0", "packed", 8}}));
              }),
              HasSubstr("entry 'a/data/0' is compressed"));
}

TEST_F(TorchFile, OtherKindsOfFileSayHowToConvert) {
  const auto refused = [&](const std::string& bytes) { return error_of([&] { open(bytes); }); };
  EXPECT_THAT(refused(zip({{"a/data.pkl", "x"}, {"a/constants.pkl", "x"}})), HasSubstr("torch.jit.load"));
  EXPECT_THAT(refused(zip({{"a/code/__torch__.py", "x", 8}, {"a/data.pkl", "x"}})),
              HasSubstr("torch.jit.load"));
  EXPECT_THAT(refused(pickle("}")), HasSubstr("a pickle that torch.save did not write"));
  EXPECT_THAT(refused("sys_info" + std::string(249, '\0') + "ustar"), HasSubstr("before torch 0.1.10"));
  EXPECT_THAT(refused(zip({{"a/readme", "x"}, {"b", "x"}})), HasSubstr("without data.pkl"));
  EXPECT_THAT(refused(zip({{"a/data.pkl", pickle("}")}, {"b/data.pkl", pickle("}")}})),
              HasSubstr("two data.pkl"));
  EXPECT_THAT(refused(zip({{"a/data.pkl", pickle("}")}, {"a/byteorder", "big"}})),
              HasSubstr("byte order is 'big'"));
}

}  // namespace
}  // namespace flam
