// Files as torch.save wrote them before torch 1.6, and files as an attacker might write them.
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

class TorchLegacy : public testing::Test {
 protected:
  std::unique_ptr<Checkpoint> open(const std::string& bytes) {
    write(folder_ / "f.pth", bytes);
    return open_checkpoint(folder_ / "f.pth");
  }
  std::string refusal(const Legacy& file) {
    return error_of([&] { open(file.bytes()); });
  }
  static std::string six(const std::string& view = "N") {
    return legacy_storage("FloatStorage", "0", 6, view);
  }
  static std::string vector(const std::string& storage, int64_t offset, int64_t size) {
    return tensor(storage, offset, {size}, {1});
  }
  static std::string view(const std::string& key, int64_t offset, int64_t count) {
    return tuple({text(key), number(offset), number(count)});
  }
  /// A file of the storage "0" with six floats and the items.
  static Legacy file(const std::vector<std::pair<std::string, std::string>>& items) {
    return {dict(items), list({"0"}), le(6, 8) + bytes_of(kSix)};
  }
  static Legacy sound() { return file({{"w", vector(six(), 0, 6)}}); }
  Scratch folder_;
};

TEST_F(TorchLegacy, AFileOfTorchItself) {
  // torch 2.11: torch.save({'state_dict': …, 'epoch': 3}, FILE, _use_new_zipfile_serialization=False)
  const auto read = open_checkpoint(FLAM_SOURCE_DIR "/tests/weights/files/legacy.pth");
  EXPECT_EQ(read->names(), (std::vector<std::string>{"0.bias", "0.weight", "1.bias", "1.num_batches_tracked",
                                                     "1.running_mean", "1.running_var", "1.weight", "flag",
                                                     "half", "table", "tail"}));
  EXPECT_EQ(read->wrappers(), std::vector<std::string>{"state_dict"});
  EXPECT_TRUE(at::equal(read->tensor("0.bias"), at::tensor({-0.011439144611358643f, 0.45777493715286255f})));
  EXPECT_TRUE(at::equal(read->tensor("table"), at::tensor(kSix).view({2, 3}).t()));
  EXPECT_TRUE(at::equal(read->tensor("tail"), at::tensor({4.f, 5.f})));
  EXPECT_TRUE(at::equal(read->tensor("half"), at::tensor({0.f, 1.f, 2.f}).to(at::kHalf)));
  EXPECT_TRUE(at::equal(read->tensor("flag"), at::tensor({1, 0}).to(at::kBool)));
  EXPECT_EQ(read->tensor("1.num_batches_tracked").item<int64_t>(), 0);
}

TEST_F(TorchLegacy, AFileOfPython2) {
  // Python 2.7's pickle of what torch 0.1.12 saved: a Parameter, and a tensor in a view of its storage.
  const auto read = open_checkpoint(FLAM_SOURCE_DIR "/tests/weights/files/legacy_python2.pth");
  EXPECT_TRUE(at::equal(read->tensor("w"), at::tensor({1.f, 2.f, 3.f, 4.f}).view({2, 2})));
  EXPECT_TRUE(at::equal(read->tensor("b"), at::tensor({2.f, 3.f})));
}

TEST_F(TorchLegacy, ProtocolFour) {
  const auto four = open_checkpoint(FLAM_SOURCE_DIR "/tests/weights/files/legacy_protocol4.pth");
  const auto two = open_checkpoint(FLAM_SOURCE_DIR "/tests/weights/files/legacy.pth");
  EXPECT_EQ(four->names(), two->names());
  for (const std::string& name : two->names())
    EXPECT_TRUE(at::equal(four->tensor(name), two->tensor(name))) << name;
}

TEST_F(TorchLegacy, OnlyUnalignedBytesAreCopied) {
  int copied = 0;
  for (size_t padding = 0; padding < 4; ++padding) {
    const std::string more(padding + 1, 'x');
    const auto read = open(file({{"matrix", tensor(six(), 0, {2, 3}, {3, 1})},
                                 {"transposed", tensor(six(), 1, {2, 2}, {1, 2})},
                                 {"repeated", tensor(six(), 2, {3}, {0})},
                                 {"none", tensor(six(), 6, {0, 3}, {3, 1})},
                                 {more, "N"}})
                               .bytes());
    const at::Tensor whole = at::tensor(kSix).view({2, 3});
    EXPECT_TRUE(at::equal(read->tensor("matrix"), whole));
    EXPECT_TRUE(at::equal(read->tensor("transposed"), at::tensor({1.f, 3.f, 2.f, 4.f}).view({2, 2})));
    EXPECT_TRUE(at::equal(read->tensor("repeated"), at::tensor({2.f, 2.f, 2.f})));
    EXPECT_EQ(read->tensor("none").sizes(), at::IntArrayRef({0, 3}));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(read->tensor("matrix").data_ptr()) % 4, 0u);
    copied += read->tensor("matrix").data_ptr() != read->tensor("matrix").data_ptr();
  }
  EXPECT_EQ(copied, 3);
}

TEST_F(TorchLegacy, ViewsOfStorages) {
  const auto read = open(file({{"middle", vector(six(view("1", 2, 3)), 1, 2)},
                               {"again", vector(six(view("1", 2, 3)), 0, 3)},
                               {"end", tensor(six(view("2", 6, 0)), 0, {0}, {1})},
                               {"whole", vector(six(), 0, 6)}})
                             .bytes());
  EXPECT_TRUE(at::equal(read->tensor("middle"), at::tensor({3.f, 4.f})));
  EXPECT_TRUE(at::equal(read->tensor("again"), at::tensor({2.f, 3.f, 4.f})));
  EXPECT_EQ(read->tensor("end").numel(), 0);
  EXPECT_TRUE(at::equal(read->tensor("whole"), at::tensor(kSix)));
  for (const auto& [offset, count] : std::vector<std::pair<int64_t, int64_t>>{
           {5, 2}, {7, 0}, {-1, 2}, {0, -1}, {INT64_MAX, INT64_MAX}, {1, INT64_MAX}}) {
    EXPECT_THAT(refusal(file({{"w", vector(six(view("1", offset, count)), 0, 1)}})),
                HasSubstr("reaches outside the storage '0' of 6"));
  }
  EXPECT_THAT(refusal(file({{"w", vector(six(view("1", 2, 3)), 0, 4)}})),
              HasSubstr("larger than its storage"));
  EXPECT_THAT(refusal(file({{"w", vector(six(view("1", 2, 3)), 2, 2)}})), HasSubstr("outside its storage"));
  EXPECT_THAT(refusal(file({{"w", vector(six(view("1", 2, 3)), 0, 1)}, {"v", six(view("1", 2, 4))}})),
              HasSubstr("the view '1' occurs with two places or sizes"));
  EXPECT_THAT(refusal(file({{"w", vector(six(view("0", 2, 3)), 0, 1)}})), HasSubstr("'0' is also a view"));
  EXPECT_THAT(refusal(file({{"w", vector(six(tuple({text("1"), number(0)})), 0, 1)}})),
              HasSubstr("not (key, offset, count)"));
  EXPECT_THAT(refusal(file({{"w", vector(six(number(1)), 0, 1)}})), HasSubstr("expected None or a tuple"));
}

TEST_F(TorchLegacy, StoragesFollowTheOrderOfTheList) {
  const auto vector_of = [](const std::string& type, const std::string& key) {
    return vector(legacy_storage(type, key, 1), 0, 1);
  };
  Legacy two{dict({{"a", vector_of("LongStorage", "10")}, {"b", vector_of("HalfStorage", "9")}}),
             list({"9", "10"}), le(1, 8) + le(0x3c00, 2) + le(1, 8) + le(77, 8)};
  const auto read = open(two.bytes());
  EXPECT_EQ(read->tensor("a").item<int64_t>(), 77);
  EXPECT_EQ(read->tensor("b").item<double>(), 1);
  two.keys = list({"10", "9"});
  EXPECT_THAT(refusal(two), HasSubstr("the storage '9' should have 1 elements, but has"));
}

TEST_F(TorchLegacy, ShardsWithAnIndex) {
  write(folder_ / "a.bin", sound().bytes());
  write(folder_ / "pytorch_model.bin.index.json", R"({"weight_map": {"w": "a.bin"}})");
  EXPECT_EQ(open_checkpoint(folder_ / "")->tensor("w").sum().item<float>(), 15);
}

TEST_F(TorchLegacy, TheHeaderIsChecked) {
  const std::string good = sound().bytes(), frame = "\x95" + le(13, 8);
  open(good);
  for (const auto& bad : {"\x80\x06" + good.substr(2), "\x80\x02" + frame.substr(1) + good.substr(2),
                          "\x80\x02" + frame + "N" + good.substr(2)})
    EXPECT_THAT(error_of([&] { open(bad); }), HasSubstr("a pickle that torch.save did not write"));
  Legacy other = sound();
  other.version = number(1002);
  EXPECT_THAT(refusal(other), HasSubstr("should be the version 1001 of the legacy torch format, not 1002"));
  other.version = "N";
  EXPECT_THAT(refusal(other), HasSubstr("should be the version 1001"));
  other = sound();
  other.machine = "}" + text("little_endian") + "\x89s";
  EXPECT_THAT(refusal(other), HasSubstr("written on a big-endian machine"));
  for (const std::string& machine : {std::string("}"), "}" + text("little_endian") + "Ns", number(1)}) {
    other.machine = machine;
    EXPECT_THAT(refusal(other), HasSubstr("'little_endian': True or False"));
  }
}

TEST_F(TorchLegacy, ThePickleIsRestricted) {
  Legacy other = sound();
  const auto with = [&](const std::string& body) {
    other.body = body;
    return refusal(other);
  };
  EXPECT_THAT(with(global("posix", "system") + "(" + text("touch /tmp/owned") + "tR"),
              HasSubstr("'posix.system'"));
  EXPECT_THAT(with("(iposix\nsystem\n"), HasSubstr("INST"));
  EXPECT_THAT(with(tuple({text("module"), text("x"), text("x.py"), text("x")}) + "Q"),
              HasSubstr("('storage', type, key, location, count, view)"));
  EXPECT_THAT(with(storage("FloatStorage", "0", 6)), HasSubstr("a persistent id that is not"));
  EXPECT_THAT(with(six()), HasSubstr("no dict of tensors"));
  EXPECT_THAT(with(std::string(100000, ']')), HasSubstr("objects are left over"));
  EXPECT_THAT(with("X" + le(0xffffffff, 4)), HasSubstr("ends in the middle"));
  other = sound();
  other.machine = global("posix", "system");
  EXPECT_THAT(refusal(other), HasSubstr("'posix.system'"));
  other = sound();
  other.keys = legacy_storage("FloatStorage", "0", 6);
  EXPECT_THAT(refusal(other), HasSubstr("a persistent id that is not"));
}

TEST_F(TorchLegacy, TheListOfStoragesIsChecked) {
  Legacy other = sound();
  const auto with = [&](const std::string& keys) {
    other.keys = keys;
    return refusal(other);
  };
  EXPECT_THAT(with(list({})), HasSubstr("does not list the storage '0'"));
  EXPECT_THAT(with(list({"1", "0"})), HasSubstr("lists the storage '1', which its pickle does not name"));
  other.storages += other.storages;
  EXPECT_THAT(with(list({"0", "0"})), HasSubstr("lists the storage '0' twice"));
  EXPECT_THAT(with(tuple({text("0")})), HasSubstr("should be the list of storage keys"));
  EXPECT_THAT(with(")"), HasSubstr("should be the list of storage keys"));
  EXPECT_THAT(with("]K\1a"), HasSubstr("a storage key that is not a text"));
  EXPECT_THAT(with(list({"0"})), HasSubstr("32 bytes follow the last storage"));
}

TEST_F(TorchLegacy, SizesOfStoragesAreChecked) {
  const auto stored = [&](int64_t named, int64_t counted, const std::string& bytes) {
    Legacy other = sound();
    other.body = dict({{"w", vector(legacy_storage("FloatStorage", "0", named), 0, 1)}});
    other.storages = le(static_cast<uint64_t>(counted), 8) + bytes;
    return refusal(other);
  };
  EXPECT_THAT(stored(6, 5, bytes_of(kSix)), HasSubstr("should have 6 elements, but has 5"));
  EXPECT_THAT(stored(7, 7, bytes_of(kSix)), HasSubstr("reaches behind the end"));
  EXPECT_THAT(stored(-1, -1, bytes_of(kSix)), HasSubstr("has -1 elements"));
  for (const int64_t huge : {INT64_MAX, INT64_MAX / 4, int64_t{1} << 62})
    EXPECT_THAT(stored(huge, huge, bytes_of(kSix)), HasSubstr("reaches behind the end"));
  Legacy other = sound();
  other.storages = le(6, 7);
  EXPECT_THAT(refusal(other), HasSubstr("ends before the storage '0'"));
  for (const std::string& second :
       {legacy_storage("FloatStorage", "0", 5), legacy_storage("IntStorage", "0", 6)}) {
    EXPECT_THAT(refusal(file({{"w", vector(six(), 0, 6)}, {"v", second}})),
                HasSubstr("the storage '0' occurs with two types or sizes"));
  }
  for (const auto& [offset, size] : std::vector<std::pair<int64_t, int64_t>>{
           {1, 6}, {0, 7}, {-1, 2}, {0, -1}, {INT64_MAX, 2}, {0, INT64_MAX}, {7, 0}}) {
    EXPECT_NE(refusal(file({{"w", vector(six(), offset, size)}})), "") << offset;
  }
}

TEST_F(TorchLegacy, TruncatedFilesAreRefused) {
  const std::string whole = sound().bytes();
  for (size_t size = 1; size < whole.size(); ++size) {
    EXPECT_NE(error_of([&] { open(whole.substr(0, size)); }), "") << size;
  }
}

}  // namespace
}  // namespace flam
