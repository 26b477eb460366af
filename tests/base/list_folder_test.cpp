#include "framework/base/list_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace flam {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class ListFolder : public testing::Test {
 protected:
  ListFolder() { fs::create_directories(folder_ / "sub" / "deeper"); }
  ~ListFolder() override { fs::remove_all(folder_); }

  const fs::path folder_ = fs::path(testing::TempDir()) / ("flam_list_" + std::to_string(::getpid()));
};

TEST_F(ListFolder, GivesFilesFoldersLinksAndHiddenFilesOfOneLevel) {
  std::ofstream(folder_ / "a.png") << "x";
  std::ofstream(folder_ / ".hidden") << "x";
  fs::create_symlink("missing", folder_ / "broken");
  std::error_code failed = std::make_error_code(std::errc::io_error);
  EXPECT_THAT(list_folder(folder_, failed), UnorderedElementsAre(folder_ / "a.png", folder_ / ".hidden",
                                                                 folder_ / "broken", folder_ / "sub"));
  EXPECT_FALSE(failed);
  EXPECT_THAT(list_folder(folder_ / "sub" / "deeper", failed), IsEmpty());
  EXPECT_FALSE(failed);
}

TEST_F(ListFolder, SaysWhyAFolderCannotBeRead) {
  std::error_code failed;
  EXPECT_THAT(list_folder(folder_ / "none", failed), IsEmpty());
  EXPECT_EQ(failed, std::errc::no_such_file_or_directory);
  std::ofstream(folder_ / "file") << "x";
  EXPECT_THAT(list_folder(folder_ / "file", failed), IsEmpty());
  EXPECT_EQ(failed, std::errc::not_a_directory);
}

}  // namespace
}  // namespace flam
