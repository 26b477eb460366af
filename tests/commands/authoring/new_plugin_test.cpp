#include "framework/commands/authoring/new_plugin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/base/file.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using testing::HasSubstr;

// The test out_of_tree builds the written files. These tests are about names and folders.
TEST(NewPlugin, ClassNamesDifferFromThoseOfTheSdk) {
  const test::Scratch folder;
  for (const auto& [name, type] :
       std::vector<std::pair<std::string, std::string>>{{"resampler", "ResamplerResampler"},
                                                        {"linear", "LinearResampler"},
                                                        {"my_resampler", "MyResampler"}}) {
    new_plugin("resampler", name, folder / name, Registry());
    EXPECT_THAT(read_file(folder / name / (name + ".cpp"), 1 << 20),
                HasSubstr("class " + type + " final : public Resampler"));
  }
}

TEST(NewPlugin, WritesIntoAnEmptyFolderOnly) {
  const test::Scratch folder;
  std::filesystem::create_directory(folder / "mine");
  const auto written = new_plugin("metric", "mine", folder / "mine/", Registry());
  EXPECT_GE(written.size(), 5u);
  for (const auto& file : written) EXPECT_TRUE(std::filesystem::exists(file)) << file;
  EXPECT_THAT(error_of([&] { new_plugin("metric", "mine", folder / "mine", Registry()); }),
              HasSubstr("is not empty"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(NewPlugin, RejectsUnknownKindsAndInvalidNames) {
  const test::Scratch folder;
  for (const std::string kind : {"step_graph", "resampel"})
    EXPECT_THAT(error_of([&] { new_plugin(kind, "mine", folder / "mine", Registry()); }),
                HasSubstr("(known: transform,"));
  Registry registry;
  ComponentType taken;
  taken.kind = "metric";
  taken.name = "mine";
  registry.add(taken);
  EXPECT_THAT(error_of([&] { new_plugin("metric", "mine", folder / "mine", registry); }),
              HasSubstr("there is a metric 'mine' already, in "));
  EXPECT_THAT(error_of([&] { new_plugin("metric", "9mine", folder / "mine", Registry()); }),
              HasSubstr("with a letter"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace flam
