#include <gmock/gmock.h>

#include "framework/config/config.h"
#include "tests/config/folder.h"

namespace flam {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;
namespace fs = std::filesystem;

class Find : public FolderTest {};

TEST_F(Find, ModelNamesAreFileStemsOutsideBase) {
  const fs::path small = make("flamingo/small.yaml", "a: 1\n");
  make("_base_/models/part.yaml", "a: 1\n");
  make("flamingo/_base_/part.yaml", "a: 1\n");
  make("flamingo/notes.txt", "");
  const fs::path big = make("big.yaml", "a: 1\n");
  using Entry = std::pair<std::string, fs::path>;
  EXPECT_THAT(list_configs(folder_), testing::ElementsAre(Entry("big", big), Entry("small", small)));
  EXPECT_EQ(find_config("small", folder_), small);
  EXPECT_EQ(find_config(small.native(), "/nowhere"), small);
  EXPECT_THAT([&] { find_config("smal", folder_); },
              ThrowsMessage<Error>(HasSubstr("did you mean 'small'?")));
  EXPECT_THAT([&] { find_config("part", folder_); },
              ThrowsMessage<Error>(HasSubstr("no config named 'part'")));
  EXPECT_THAT([&] { find_config("x/small.yaml", folder_); },
              ThrowsMessage<Error>("no config file 'x/small.yaml'"));
  EXPECT_THAT([&] { find_config("small.yaml", folder_); },
              ThrowsMessage<Error>("no config file 'small.yaml'"));
  const fs::path bare = make("bare", "a: 1\n");
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  EXPECT_EQ(find_config("bare", folder_), "bare");  // not a model name, but a file in the current folder
  fs::current_path(before);
  EXPECT_THAT([&] { find_config("small.yml", folder_); }, ThrowsMessage<Error>("no config file 'small.yml'"));
  make("other/small.yaml", "a: 1\n");
  EXPECT_THAT([&] { find_config("small", folder_); },
              ThrowsMessage<Error>(HasSubstr("two configs are named 'small'")));
  EXPECT_THAT([&] { find_config("small", folder_ / "none"); },
              ThrowsMessage<Error>(HasSubstr("cannot list the configs folder")));
}

TEST(ShippedConfigs, TheResolvedPrintReloadsIdentically) {
  const fs::path root = FLAM_SOURCE_DIR "/configs";
  const auto configs = list_configs(root);
  EXPECT_FALSE(configs.empty());
  for (const auto& [name, path] : configs) {
    Value config = load_config(path, root);
    shorten_configs_paths(config, root);
    const std::string print = write_yaml(config, {.origins = true});
    EXPECT_EQ(parse_yaml(print, "print"), config) << name;
    EXPECT_EQ(write_yaml(parse_yaml(print, "print")), write_yaml(config)) << name;
  }
}

}  // namespace
}  // namespace flam
