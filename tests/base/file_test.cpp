#include "framework/base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "framework/base/error.h"
#include "framework/base/hash.h"

namespace flam {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::ThrowsMessage;

class File : public testing::Test {
 protected:
  File() { fs::create_directories(folder_); }
  ~File() override { fs::remove_all(folder_); }

  fs::path make(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name) << content;
    return folder_ / name;
  }
  size_t entries() const { return std::distance(fs::directory_iterator(folder_), fs::directory_iterator()); }

  const fs::path folder_ = fs::path(testing::TempDir()) / ("flam_file_" + std::to_string(::getpid()));
};

TEST_F(File, ReadsWholeFiles) {
  const std::string content(10'000, 'x');
  EXPECT_EQ(read_file(make("a", content), 10'000), content);
  EXPECT_EQ(read_file(make("empty", ""), 0), "");
  EXPECT_FALSE(read_file("/proc/self/status", 100'000).empty());  // reports a size of 0
}

TEST_F(File, RefusesFilesThatAreTooLargeOrNotRegular) {
  EXPECT_THAT([&] { read_file(make("a", "12345"), 4); },
              ThrowsMessage<Error>(HasSubstr("more than 4 bytes")));
  EXPECT_THAT([&] { read_file(folder_ / "none", 9); }, ThrowsMessage<Error>(HasSubstr("No such file")));
  EXPECT_THAT([&] { read_file(folder_, 9); }, ThrowsMessage<Error>(HasSubstr("it is a folder")));
  EXPECT_THAT([&] { read_file("/dev/zero", 9); }, ThrowsMessage<Error>(HasSubstr("not a regular file")));
  const fs::path pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT([&] { read_file(pipe, 9); }, ThrowsMessage<Error>(HasSubstr("not a regular file")));
}

TEST_F(File, MapsFiles) {
  const auto mapped = MappedFile::open(make("a", "content"));
  EXPECT_EQ(mapped->bytes(), "content");
  EXPECT_EQ(MappedFile::open(make("empty", ""))->size(), 0u);
  EXPECT_THROW(MappedFile::open(folder_ / "none"), Error);
  EXPECT_THROW(MappedFile::open(folder_), Error);
}

TEST_F(File, AnUncommittedFileLeavesNothing) {
  const fs::path path = make("a", "old");
  {
    AtomicFile file(path);
    file.write("new");
  }
  EXPECT_EQ(read_file(path, 100), "old");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(File, ACommittedFileReplacesTheOldOne) {
  const fs::path path = make("a", "old");
  AtomicFile file(path);
  file.write("new ");
  file.write("content");
  EXPECT_EQ(read_file(path, 100), "old");
  file.commit();
  EXPECT_EQ(read_file(path, 100), "new content");
  EXPECT_EQ(entries(), 1u);
  EXPECT_THROW(file.write("x"), RunError);
  EXPECT_THROW(file.commit(), RunError);
}

TEST_F(File, WritesToTheTargetOfALinkAndNeverOverADevice) {
  const fs::path target = make("target", "old");
  fs::create_symlink(target, folder_ / "link");
  write_file(folder_ / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  EXPECT_EQ(read_file(target, 100), "new");
  EXPECT_THAT([&] { write_file("/dev/null", "x"); }, ThrowsMessage<Error>(HasSubstr("not a regular file")));
  EXPECT_THAT([&] { write_file(folder_, "x"); }, ThrowsMessage<Error>(HasSubstr("not a regular file")));
  EXPECT_THAT([&] { write_file(folder_ / "none/a", "x"); }, ThrowsMessage<Error>(HasSubstr("No such file")));
}

TEST_F(File, Sha256) {
  const std::string of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(sha256("abc"), of_abc);
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_file(make("a", "abc")), of_abc);
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("a"), "YQ==");
  EXPECT_EQ(base64(std::string("\xff\0\xfe\x01", 4)), "/wD+AQ==");
  EXPECT_EQ(sha256_file(make("empty", "")), sha256(""));
}

}  // namespace
}  // namespace flam
