#include <algorithm>
#include <cstdlib>

#include "framework/plugin/library.h"
#include "tests/plugin/fixture.h"

namespace flam {
namespace {
using testing::ElementsAre;
using testing::HasSubstr;

class SearchPath : public testing::Test {
 protected:
  SearchPath() {
    for (const char* name : {"first", "second", "third"}) std::filesystem::create_directory(folder_ / name);
  }
  ~SearchPath() override { unsetenv("FLAM_PLUGIN_PATH"); }
  Scratch folder_;
};

TEST_F(SearchPath, CommandLineThenVariableThenBesideTheLibrary) {
  const std::string variable = (folder_ / "second").string() + "::" + (folder_ / "missing").string() + ":" +
                               (folder_ / "third").string() + ":" + (folder_ / "first").string();
  setenv("FLAM_PLUGIN_PATH", variable.c_str(), 1);
  const auto built = std::filesystem::path(FLAM_BUILD_DIR) / "lib" / "flamboyance" / "plugins";
  std::filesystem::create_directories(built);
  EXPECT_THAT(plugin_search_path({folder_ / "first"}),
              ElementsAre(folder_ / "first", folder_ / "second", folder_ / "third",
                          std::filesystem::canonical(built)));
}

TEST_F(SearchPath, ListsEachFolderOnceWithoutTheVariable) {
  unsetenv("FLAM_PLUGIN_PATH");
  const auto built = std::filesystem::path(FLAM_BUILD_DIR) / "lib" / "flamboyance" / "plugins";
  std::filesystem::create_directories(built);
  EXPECT_THAT(plugin_search_path({built, folder_ / "first", folder_ / "second" / ".." / "first"}),
              ElementsAre(std::filesystem::canonical(built), folder_ / "first"));
}

TEST_F(SearchPath, AFolderNamedOnTheCommandLineMustExist) {
  EXPECT_THAT(error_of([&] { plugin_search_path({folder_ / "missing"}); }), HasSubstr("is not a folder"));
}

TEST_F(SearchPath, WarnsOnceAboutUselessFolders) {
  const std::string unreadable = (folder_ / std::string(300, 'x')).string();
  setenv("FLAM_PLUGIN_PATH", unreadable.c_str(), 1);
  testing::internal::CaptureStderr();
  for (int i = 0; i < 2; ++i) plugin_search_path({folder_ / "third"});
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("third' contains no plugins (libflam_*.so)\n"));
  EXPECT_THAT(said, HasSubstr("', which is not a folder\n"));
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 2) << said;
}

TEST_F(SearchPath, EarlierFileShadowsLater) {
  for (const char* file :
       {"first/libflam_b.so", "first/libflam_a.so", "second/libflam_a.so", "second/libflam_c.so",
        "third/libflam_a.so", "third/libother.so", "third/libflam_e.txt", "third/libflam_d.so.json"}) {
    write_bytes(folder_ / file, "");
  }
  const auto found =
      find_libraries({folder_ / "first", folder_ / "second", folder_ / "missing", folder_ / "third"});
  std::vector<std::pair<std::string, std::string>> seen;
  for (const auto& f : found) {
    seen.emplace_back(
        std::filesystem::relative(f.path, folder_.path()).string(),
        f.shadowed_by.empty() ? "" : std::filesystem::relative(f.shadowed_by, folder_.path()).string());
  }
  using P = std::pair<std::string, std::string>;
  EXPECT_THAT(seen, ElementsAre(P{"first/libflam_a.so", ""}, P{"first/libflam_b.so", ""},
                                P{"second/libflam_a.so", "first/libflam_a.so"}, P{"second/libflam_c.so", ""},
                                P{"third/libflam_a.so", "first/libflam_a.so"}));
}

}  // namespace
}  // namespace flam
