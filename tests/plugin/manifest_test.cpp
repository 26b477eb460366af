#include "framework/base/hash.h"
#include "framework/plugin/library.h"
#include "tests/plugin/fixture.h"

namespace flam {
namespace {
using testing::AllOf;
using testing::HasSubstr;

int run_flam_manifest(const std::string& arguments) {
  return WEXITSTATUS(std::system((FLAM_MANIFEST_PROGRAM " " + arguments + " 2>/dev/null").c_str()));
}

TEST(Manifest, ReadsWhatWasWritten) {
  const Scratch folder;
  Manifest manifest;
  manifest.components = {{"metric", "a", "one \"line\"\n and äöü"}, {"resampler", "b", ""}};
  manifest.size = 1ull << 40;
  manifest.sha256 = sha256("x");
  manifest.stamp = program_stamp();
  write_manifest(folder / "libflam_x.so", manifest);
  const auto read = read_manifest(folder / "libflam_x.so");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->size, manifest.size);
  EXPECT_EQ(read->sha256, manifest.sha256);
  EXPECT_TRUE(compare_stamp(read->stamp).empty());
  ASSERT_EQ(read->components.size(), 2);
  EXPECT_EQ(read->components[0].kind, "metric");
  EXPECT_EQ(read->components[0].doc, manifest.components[0].doc);
}

TEST(Manifest, AComponentListedTwiceIsAnError) {
  const Scratch folder;
  Manifest manifest;
  manifest.components = {{"metric", "a", ""}, {"metric", "a", ""}};
  manifest.sha256 = sha256("x");
  manifest.stamp = program_stamp();
  write_manifest(folder / "libflam_x.so", manifest);
  EXPECT_THAT(error_of([&] { read_manifest(folder / "libflam_x.so"); }), HasSubstr("lists metric 'a' twice"));
}

TEST(Manifest, MissingGivesNull) {
  const Scratch folder;
  EXPECT_FALSE(read_manifest(folder / "libflam_x.so"));
}

TEST(Manifest, BrokenIsAnError) {
  const Scratch folder;
  const auto message = [&](const std::string& text) {
    write_bytes(folder / "libflam_x.so.json", text);
    return error_of([&] { read_manifest(folder / "libflam_x.so"); });
  };
  for (const char* text : {"", "[]", "{}", "7", "{\"flam_manifest\": 1}", "{\"flam_manifest\": 2}",
                           "{\"flam_manifest\": \x1b"}) {
    EXPECT_THAT(message(text), AllOf(HasSubstr("libflam_x.so.json"), HasSubstr("run flam-manifest"))) << text;
    EXPECT_EQ(message(text).find('\x1b'), std::string::npos);
  }
  EXPECT_NE(message(std::string(2 << 20, '[')), "");
  EXPECT_NE(message(std::string(900'000, '[')), "");
}

TEST(ManifestProgram, WritesWhatTheLibraryEnrolls) {
  const Scratch folder;
  const auto library = copy_good(folder.path());
  ASSERT_EQ(run_flam_manifest(library.string()), 0);
  const auto manifest = read_manifest(library);
  ASSERT_EQ(manifest->components.size(), 1);
  EXPECT_EQ(manifest->components[0].kind, "metric");
  EXPECT_EQ(manifest->components[0].name, "good");
  EXPECT_EQ(manifest->components[0].doc, "answers a number");
  EXPECT_EQ(manifest->size, std::filesystem::file_size(library));
  EXPECT_EQ(manifest->sha256, sha256_file(library));
}

TEST(ManifestProgram, ADescriptionThatIsNotUtf8StaysReadable) {
  const Scratch folder;
  const auto library = folder / "libflam_latin1_doc.so";
  std::filesystem::copy_file(fixture_plugin("latin1_doc"), library);
  ASSERT_EQ(run_flam_manifest(library.string()), 0);
  EXPECT_EQ(read_manifest(library)->components.at(0).doc, "l\\xe4uft");
}

TEST(ManifestProgram, RefusesAndLeavesNoManifest) {
  const Scratch folder;
  EXPECT_EQ(run_flam_manifest(""), 2);
  EXPECT_EQ(run_flam_manifest((folder / "libflam_none.so").string()), 2);
  const auto library = folder / "libflam_aborts.so";
  std::filesystem::copy_file(fixture_plugin("aborts"), library);
  write_bytes(library.string() + ".json", "older");
  EXPECT_EQ(run_flam_manifest(library.string()), 2);
  EXPECT_FALSE(std::filesystem::exists(library.string() + ".json"));
}

}  // namespace
}  // namespace flam
