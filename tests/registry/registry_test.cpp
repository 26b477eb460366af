// Lists components and their libraries.
#include "framework/registry/registry.h"

#include <dlfcn.h>

#include <thread>

#include "tests/plugin/fixture.h"

namespace flam {
namespace {
using testing::AllOf;
using testing::HasSubstr;

bool is_loaded(const std::filesystem::path& library) {
  return dlopen(library.c_str(), RTLD_NOLOAD | RTLD_LAZY) != nullptr;
}

void write_manifest_of(const std::filesystem::path& library) {
  ASSERT_EQ(std::system((std::string(FLAM_MANIFEST_PROGRAM) + " " + library.string()).c_str()), 0);
}

TEST(Registry, ListsFromTheManifestAndLoadsOnFirstUse) {
  const Scratch folder;
  const auto library = copy_good(folder.path());
  write_manifest_of(library);
  Registry registry;
  registry.scan({folder.path()});
  ASSERT_EQ(registry.list().size(), 1);
  EXPECT_EQ(registry.list("metric")[0].doc, "answers a number");
  EXPECT_EQ(registry.list("metric")[0].origin, library);
  EXPECT_FALSE(registry.list()[0].loaded);
  EXPECT_TRUE(registry.list("resampler").empty());
  EXPECT_FALSE(is_loaded(library));

  const ComponentType& type = registry.find("metric", "good");
  EXPECT_EQ(type.origin, library);
  EXPECT_TRUE(registry.list()[0].loaded);
  EXPECT_TRUE(is_loaded(library));
  const auto params = type.make_params();
  EXPECT_EQ(document_params(ParamsRef(params.get(), type.visit))[0].info.name, "number");
}

TEST(Registry, AChangedLibraryIsLoadedWhenScanned) {
  const Scratch folder;
  const auto library = copy_good(folder.path());
  write_manifest_of(library);
  std::ofstream(library, std::ios::app) << "more";
  Registry registry;
  registry.scan({folder.path()});
  ASSERT_EQ(registry.list().size(), 1);
  EXPECT_TRUE(registry.list()[0].loaded);
}

TEST(Registry, AManifestThatDiffersFromTheLibrary) {
  const Scratch folder;
  const auto library = copy_good(folder.path());
  write_manifest_of(library);
  auto manifest = read_manifest(library);
  manifest->components.push_back({"metric", "better", ""});
  write_manifest(library, *manifest);
  Registry registry;
  registry.scan({folder.path()});
  for (int twice = 0; twice < 2; ++twice) {
    EXPECT_THAT(
        error_of([&] { registry.find("metric", "better"); }),
        HasSubstr(
            "differs from its manifest: the manifest lists metric 'better', metric 'good', the library has "
            "metric 'good'; run flam-manifest"));
  }
}

TEST(Registry, AManifestForAnotherProgramOrWithInvalidNames) {
  const Scratch folder;
  const auto library = copy_good(folder.path());
  write_manifest_of(library);
  const auto problem = [&](const Manifest& manifest) {
    write_manifest(library, manifest);
    Registry registry;
    registry.scan({folder.path()});
    EXPECT_TRUE(registry.list().empty());
    return registry.problems().empty() ? "" : registry.problems()[0].message;
  };
  const Manifest right = *read_manifest(library);
  Manifest wrong = right;
  wrong.stamp.sdk_major += 3;
  EXPECT_THAT(problem(wrong), AllOf(HasSubstr(library.string()), HasSubstr("SDK version")));
  wrong = right;
  wrong.components[0].kind = "engine";
  EXPECT_THAT(problem(wrong), HasSubstr("there is no kind of component 'engine'"));
  wrong = right;
  wrong.components[0].name = "a\nb";
  EXPECT_THAT(problem(wrong), HasSubstr("'a\\x0ab' must have 1 to 64 characters of a-z"));
  write_bytes(library.string() + ".json", "{");
  Registry registry;
  registry.scan({folder.path()});
  ASSERT_EQ(registry.problems().size(), 1);
}

TEST(Registry, EarlierFolderShadowsLater) {
  const Scratch folder;
  const auto first = copy_good(folder / "first"), second = copy_good(folder / "second");
  Registry registry;
  registry.scan({folder / "first", folder / "second"});
  EXPECT_EQ(registry.find("metric", "good").origin, first);
  ASSERT_EQ(registry.libraries().size(), 2);
  EXPECT_EQ(registry.libraries()[1].path, second);
  EXPECT_EQ(registry.libraries()[1].shadowed_by, first);
}

TEST(Registry, ItsResultsStayValidWhenItScansAgain) {
  Registry registry;
  const auto& problems = registry.problems();
  const auto& libraries = registry.libraries();
  registry.scan({fixture_plugin("no_entry").parent_path()});
  EXPECT_TRUE(problems.empty());
  EXPECT_TRUE(libraries.empty());
  EXPECT_EQ(registry.problems().size(), 1);
  EXPECT_EQ(registry.libraries().size(), 1);
}

TEST(Registry, OneNameFromTwoLibrariesIsAnErrorWhenUsed) {
  const Scratch folder;
  const auto one = copy_good(folder.path(), "one"), two = copy_good(folder.path(), "two");
  Registry registry;
  registry.scan({folder.path()});
  EXPECT_TRUE(registry.problems().empty());
  EXPECT_EQ(registry.list().size(), 2);
  EXPECT_THAT(error_of([&] { registry.find("metric", "good"); }),
              AllOf(HasSubstr("metric 'good' comes from several plugins"), HasSubstr(one.string()),
                    HasSubstr(two.string())));
}

TEST(Registry, UnknownNamesAndKinds) {
  Registry registry;
  registry.load(fixture_plugin("good"));
  const Location where{std::make_shared<std::string>("c.yaml"), 3, 7};
  EXPECT_EQ(error_of([&] { registry.find("metric", "goood", where); }),
            "c.yaml:3:7: there is no metric 'goood'; did you mean 'good'? (known: good)");
  EXPECT_EQ(
      error_of([&] { registry.find("adapter", "good"); }),
      "there is no adapter 'good' (known: none); plugins of your own are found with --plugin-path FOLDER or "
      "FLAM_PLUGIN_PATH");
  EXPECT_THAT(error_of([&] { registry.find("metrik", "good"); }), HasSubstr("did you mean 'metric'?"));
  EXPECT_NE(error_of([&] { registry.add({.kind = "metrik", .name = "x", .doc = ""}); }), "");
}

TEST(Registry, ManyThreadsFindComponents) {
  const Scratch folder;
  write_manifest_of(copy_good(folder.path()));
  Registry registry;
  registry.scan({folder.path()});
  std::vector<const ComponentType*> found(8);
  std::vector<std::thread> threads;
  for (auto& slot : found) threads.emplace_back([&] { slot = &registry.find("metric", "good"); });
  for (auto& thread : threads) thread.join();
  for (const auto* type : found) EXPECT_EQ(type, found[0]);
}

}  // namespace
}  // namespace flam
