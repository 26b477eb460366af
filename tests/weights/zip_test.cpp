// The table of a zip file: what is read and what is refused.
#include <gmock/gmock.h>

#include "forge.h"
#include "framework/weights/checkpoint.h"

namespace flam {
namespace {

using namespace test;
using testing::HasSubstr;

const std::string kPickle = pickle(dict({{"w", tensor(storage("ByteStorage", "0", 4), 0, {4}, {1})}}));

class Zip : public testing::Test {
 protected:
  std::unique_ptr<Checkpoint> open(const std::string& bytes) {
    write(folder_ / "f.pth", bytes);
    return open_checkpoint(folder_ / "f.pth");
  }
  std::string refusal(const std::string& bytes) {
    return error_of([&] { open(bytes); });
  }
  /// The sound file with one more entry.
  std::string with(const ForgedEntry& entry) {
    return refusal(zip({{"a/data.pkl", kPickle}, {"a/data/0", "abcd"}, entry}));
  }
  Scratch folder_;
};

TEST_F(Zip, SixtyFourBitFields) {
  ForgedEntry data{"a/data/0", "abcd"};
  data.wide = true;
  const std::string narrow = zip({{"a/data.pkl", kPickle}, data});
  EXPECT_EQ(open(narrow)->tensor("w").size(0), 4);

  // The same with a zip64 end record, as torch writes it.
  const std::string end = narrow.substr(narrow.size() - 22);
  const uint64_t record = narrow.size() - 22;
  const auto value = [&](int at, int width) {
    return le(0, 0) + end.substr(at, width) + std::string(8 - width, '\0');
  };
  const std::string wide = "PK\6\6" + le(44, 8) + le(45, 2) + le(45, 2) + le(0, 8) + value(10, 2) +
                           value(10, 2) + value(12, 4) + value(16, 4) + "PK\6\7" + le(0, 4) + le(record, 8) +
                           le(1, 4);
  EXPECT_EQ(open(narrow.substr(0, record) + wide + end)->tensor("w").size(0), 4);
  std::string other = end;
  other[10] = 1;
  EXPECT_THAT(refusal(narrow.substr(0, record) + wide + other), HasSubstr("contradict"));
}

TEST_F(Zip, EntriesThatAreNotPlainAreRefused) {
  EXPECT_EQ(with({"a/version", "3\n"}), "");
  EXPECT_THAT(with({"a/x", "abcd", 8}), HasSubstr("'a/x' is compressed"));
  EXPECT_THAT(with({"a/x", "abcd", 0, 1}), HasSubstr("encrypted"));
  EXPECT_THAT(with({"a/data/0", "abcd"}), HasSubstr("occurs twice"));
  EXPECT_THAT(with({"../x", "abcd"}), HasSubstr("not allowed"));
  EXPECT_THAT(with({"a/../../x", "abcd"}), HasSubstr("not allowed"));
  EXPECT_THAT(with({"/etc/passwd", "abcd"}), HasSubstr("not allowed"));
  EXPECT_THAT(with({"a\\x", "abcd"}), HasSubstr("not allowed"));
  EXPECT_THAT(with({std::string("a/x\0y", 5), "abcd"}), HasSubstr("'a/x\\x00y' is not allowed"));
  EXPECT_THAT(with({"a/x", "abcd", 0, 0, false, "a/y"}), HasSubstr("contradicts the directory"));
}

TEST_F(Zip, EntriesMayNotOverlap) {
  std::string bytes = zip({{"a/data.pkl", kPickle}, {"a/data/0", "abcd"}});
  const size_t second = bytes.find("a/data/0", bytes.find("PK\1\2")) - 46;
  std::string copy = bytes;
  const size_t first = bytes.find("PK\1\2");
  copy.replace(second + 20, 8, le(900, 4) + le(900, 4));
  EXPECT_NE(refusal(copy), "");  // beyond the directory
  copy = bytes;
  copy.replace(first + 20, 8, le(bytes.find("abcd") - 90, 4) + le(bytes.find("abcd") - 90, 4));
  EXPECT_THAT(refusal(copy), HasSubstr("overlap"));
}

TEST_F(Zip, EveryTruncationIsRefused) {
  const std::string bytes = zip({{"a/data.pkl", kPickle}, {"a/data/0", "abcd"}});
  EXPECT_EQ(refusal(bytes), "");
  for (size_t size = 0; size < bytes.size(); ++size) EXPECT_NE(refusal(bytes.substr(0, size)), "") << size;
}

TEST_F(Zip, EveryChangedByteIsReadOrRefused) {
  const std::string bytes = zip({{"a/data.pkl", kPickle}, {"a/data/0", "abcd"}});
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (const char change : {'\x01', '\x80', '\xff'}) {
      std::string copy = bytes;
      copy[i] = static_cast<char>(copy[i] ^ change);
      error_of([&] {  // an Error or none; nothing else, and never a byte outside the file
        const auto file = open(copy);
        for (const std::string& name : file->names()) file->tensor(name).sum();
      });
    }
  }
}

}  // namespace
}  // namespace flam
