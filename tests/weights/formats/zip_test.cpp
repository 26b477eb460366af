// The directory of a zip file: which entries are read and which are refused.
#include <gmock/gmock.h>

#include "framework/weights/checkpoint.h"
#include "tests/weights/forge.h"

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
  /// The valid file with one more entry.
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
  const auto with_ends = [&](const std::string& sixty_four, const std::string& thirty_two) {
    return narrow.substr(0, record) + sixty_four + thirty_two;
  };
  for (const auto& [at, width] : std::vector<std::pair<int, int>>{{10, 2}, {12, 4}, {16, 4}}) {
    std::string other = end;
    other[at] = static_cast<char>(other[at] + 1);
    EXPECT_THAT(refusal(with_ends(wide, other)), HasSubstr("contradict")) << at;
    other.replace(at, width,
                  std::string(width, '\xff'));  // too large for this record, so the zip64 record has it
    EXPECT_EQ(refusal(with_ends(wide, other)), "") << at;
  }
  std::string astray = wide;
  astray.replace(astray.size() - 12, 8, le(record + 1, 8));
  EXPECT_THAT(refusal(with_ends(astray, end)), HasSubstr("not where the file says"));
  std::string many = wide;
  many.replace(32, 8, le(2'000'000, 8));
  std::string unsaid = end;
  unsaid.replace(10, 2, "\xff\xff");
  EXPECT_THAT(refusal(with_ends(many, unsaid)), HasSubstr("2000000 entries; at most 1000000"));
}

TEST_F(Zip, AZip64FieldHoldsOnlyWhatDidNotFit) {
  ForgedEntry data{"a/data/0", "abcd"};
  data.wide = true;
  const std::string bytes = zip({{"a/data.pkl", kPickle}, data});
  const size_t entry = bytes.rfind("PK\1\2"), extra = bytes.rfind(le(1, 2) + le(24, 2));
  std::string sizes = bytes;  // the offset fits
  sizes.replace(entry + 42, 4, bytes.substr(extra + 20, 4));
  EXPECT_EQ(open(sizes)->tensor("w").size(0), 4);
  std::string offset = bytes;  // the sizes fit: the first value is the offset
  offset.replace(entry + 20, 8, le(4, 4) + le(4, 4));
  EXPECT_NE(refusal(offset), "");
  offset.replace(extra + 4, 8, bytes.substr(extra + 20, 8));
  EXPECT_EQ(open(offset)->tensor("w").size(0), 4);
  std::string brief = bytes;  // one field of 16 bytes and an empty one
  brief.replace(extra + 2, 2, le(16, 2));
  brief.replace(extra + 20, 4, le(0, 4));
  EXPECT_THAT(refusal(brief), HasSubstr("a zip64 field is too short"));
  brief.replace(extra + 2, 2, le(30, 2));
  EXPECT_THAT(refusal(brief), HasSubstr("an extra field is damaged"));
}

TEST_F(Zip, EntriesThatAreNotPlainAreRefused) {
  EXPECT_EQ(with({"a/version", "3\n"}), "");
  EXPECT_EQ(with({"a/x", "abcd", 8}), "");  // allowed, because nothing reads it
  EXPECT_THAT(with({"a/x", "abcd", 0, 1}), HasSubstr("encrypted"));
  EXPECT_THAT(with({"a/data/0", "abcd"}), HasSubstr("occurs twice"));
  EXPECT_THAT(with({"", "abcd"}), HasSubstr("the entry name '' is not allowed"));
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
  EXPECT_NE(refusal(copy), "");  // after the start of the directory
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
      error_of([&] {  // only an Error may be thrown, and no byte outside the file may be read
        const auto file = open(copy);
        for (const std::string& name : file->names()) file->tensor(name).sum();
      });
    }
  }
}

}  // namespace
}  // namespace flam
