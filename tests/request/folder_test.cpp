// Which files of a folder are found, in which order, and how the others are summarised.
#include "framework/request/folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "framework/base/file.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Folder : public testing::Test {
 protected:
  void add(const std::string& name, const std::string& bytes = "P1 1 1 1") {
    fs::create_directories((scratch_ / name).parent_path());
    write_file(scratch_ / name, bytes);
  }
  void link(const std::string& target, const std::string& name) {
    fs::create_symlink(target, scratch_ / name);
  }
  /// Paths relative to the folder, followed by " !" if they can't be read.
  std::vector<std::string> list(bool recursive = true) {
    std::vector<std::string> names;
    for (const FolderEntry& entry : list_folder(scratch_.path().string(), recursive, left_out_)) {
      names.push_back(fs::path(entry.path).lexically_relative(scratch_.path()).string() +
                      (entry.problem ? " !" : ""));
    }
    return names;
  }
  test::Scratch scratch_;
  LeftOut left_out_;
};

/// Runs as a user other than root while it exists, because root can read everything.
class NotRoot {
 public:
  NotRoot() {
    if (getuid() == 0 && seteuid(65534) != 0) throw std::runtime_error("seteuid failed");
  }
  ~NotRoot() {
    if (getuid() == 0 && seteuid(0) != 0) std::abort();
  }
};

TEST_F(Folder, IsListedInTheOrderOfWholePaths) {
  for (const char* name : {"b.png", "a/x.png", "a.png", "a-b/y.png", "a/b/c.png", "A.png"}) add(name);
  EXPECT_THAT(list(), ElementsAre("A.png", "a-b/y.png", "a.png", "a/b/c.png", "a/x.png", "b.png"));
  EXPECT_EQ(left_out_.summary(), "");
}

TEST_F(Folder, WithoutRecursiveReportsSubfolders) {
  for (const char* name : {"b.png", "a/x.png", "c/y.png"}) add(name);
  EXPECT_THAT(list(false), ElementsAre("b.png"));
  EXPECT_EQ(left_out_.summary(), "left out 2 subfolders (--recursive enters them)");
}

TEST_F(Folder, LeavesOutHiddenFilesAndFolders) {
  for (const char* name : {"b.png", "._b.png", ".thumbnails/x.png", "a/.y.png"}) add(name);
  EXPECT_THAT(list(), ElementsAre("b.png"));
  EXPECT_EQ(left_out_.summary(), "left out 3 hidden files or folders");
}

TEST_F(Folder, FollowsLinksToFoldersAndFiles) {
  add("all/x.png");
  test::Scratch other;
  write_file(other / "y.png", "P1 1 1 1");
  link("all", "linked");
  link(other.path().string(), "other");
  link("all/x.png", "z.png");
  EXPECT_THAT(list(), ElementsAre("all/x.png", "other/y.png", "z.png"));
  EXPECT_EQ(left_out_.summary(), "left out 1 link to a folder that was entered before");
}

TEST_F(Folder, ALinkToAFolderAboveItIsNotEntered) {
  add("a/b/x.png");
  link("..", "a/up");
  link("../..", "a/b/top");
  EXPECT_THAT(list(), ElementsAre("a/b/x.png"));
  EXPECT_EQ(left_out_.summary(), "left out 2 links to folders that were entered before");
}

TEST_F(Folder, FoldersThatLinkToEachOtherAreEnteredOnce) {
  add("a/x.png");
  add("b/y.png");
  link("../b", "a/b");
  link("../a", "b/a");
  EXPECT_THAT(list(), ElementsAre("a/x.png", "b/y.png"));
  EXPECT_EQ(left_out_.summary(), "left out 2 links to folders that were entered before");
}

TEST_F(Folder, ContinuesAfterAFolderThatCannotBeRead) {
  for (const char* name : {"a/x.png", "closed/y.png", "d/z.png"}) add(name);
  link("loop", "loop");
  link("nowhere", "nowhere.png");
  fs::permissions(scratch_.path(), fs::perms::all);
  fs::permissions(scratch_ / "closed", fs::perms::none);
  {
    const NotRoot user;
    EXPECT_THAT(list(), ElementsAre("a/x.png", "closed !", "d/z.png", "loop", "nowhere.png"));
  }
  fs::permissions(scratch_ / "closed", fs::perms::owner_all);
}

TEST_F(Folder, NeverOpensAPipe) {
  ASSERT_EQ(mkfifo((scratch_ / "pipe.png").c_str(), 0600), 0);
  EXPECT_THAT(list(), IsEmpty());
  EXPECT_EQ(left_out_.summary(), "left out 1 pipe, socket or device");
}

TEST_F(Folder, EndsWhenItIsStopped) {
  for (const char* name : {"a/x.png", "b/y.png"}) add(name);
  EXPECT_THAT(list_folder(scratch_.path().string(), true, left_out_, [] { return true; }), IsEmpty());
}

TEST_F(Folder, RecognisesPicturesByTheirFirstBytes) {
  const auto meant = [&](const std::string& name, const std::string& bytes) {
    write_file(scratch_ / name, bytes);
    return is_meant_as_picture((scratch_ / name).string());
  };
  EXPECT_TRUE(meant("bitmap", "P4\n1 1\n1"));
  EXPECT_TRUE(meant("photo.JPG_large", "\xff\xd8\xff\xe0"));
  EXPECT_TRUE(
      meant("photo.dat", std::string("\0\0\0\x18", 4) + "ftypheic" + std::string(4, '\0') + "mif1heic"));
  EXPECT_FALSE(meant("notes.txt", "P"));
  EXPECT_FALSE(meant("index.html", "<!doctype html>"));
  EXPECT_FALSE(meant("empty", ""));
  EXPECT_FALSE(meant("weights.bin", "version https://git-lfs.github.com/spec/v1\n"));
}

TEST_F(Folder, AFileWithAPictureSuffixIsNotLeftOut) {
  for (const char* name : {"empty.jpg", "page.PNG", "pointer.jfif"}) add(name, "");
  for (const char* name : {"empty.jpg", "page.PNG", "pointer.jfif", "missing.txt"})
    EXPECT_TRUE(is_meant_as_picture((scratch_ / name).string())) << name;
}

TEST(LeftOut, CountsFilesBySuffix) {
  LeftOut left_out;
  EXPECT_TRUE(left_out.empty());
  left_out.add_file("a/notes.TXT");
  EXPECT_EQ(left_out.summary(), "left out 1 file that is not a picture: 1 .txt");
  for (const char* name : {"b.json", "c.json", "d.txt", "e.json", "Makefile"}) left_out.add_file(name);
  left_out.add_subfolder();
  EXPECT_EQ(left_out.summary(),
            "left out 6 files that are not pictures: 3 .json, 2 .txt, 1 without a suffix; 1 subfolder "
            "(--recursive enters it)");
  for (const char* suffix : {"p", "q", "r\x1b"}) left_out.add_file(std::string("x.") + suffix);
  EXPECT_THAT(left_out.summary(), HasSubstr("1 without a suffix, 1 .p, 1 .q, 1 with other suffixes; "));
}

}  // namespace
}  // namespace flam
