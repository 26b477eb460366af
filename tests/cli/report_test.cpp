// The commands that report on the installation: list, inspect, doctor.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "framework/base/file.h"
#include "tests/cli/run_flam.h"

namespace flam {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::run_flam;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

const fs::path kPlugins = FLAM_BUILD_DIR "/lib/flamboyance/plugins";

class Report : public testing::Test {
 protected:
  fs::path fixture(const std::string& name) const {
    return fs::path(FLAM_FIXTURE_PLUGINS) / name / ("libflam_" + name + ".so");
  }
  /// A new folder with a copy of `library`, as a command-line argument.
  std::string plugin_path(const fs::path& library) const {
    fs::copy_file(library, scratch_ / library.filename().string());
    return " --plugin-path " + scratch_.path().string();
  }

  /// JSON, one object a line.
  static std::vector<json> parsed_lines(const std::string& text) {
    std::vector<json> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
      lines.push_back(json::parse(line));
      EXPECT_TRUE(lines.back().is_object()) << line;
    }
    return lines;
  }

  test::Scratch scratch_;
};

TEST_F(Report, ListGroupsByKindWithADescription) {
  const auto ran = run_flam("list");
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  EXPECT_THAT(ran.out, AllOf(HasSubstr("models\n"), HasSubstr("\n  flamingo_mini_caption\n"),
                             ContainsRegex("\nresampler\n(  .*\n)*  perceiver  +[a-z]")));
}

TEST_F(Report, ListOfOneKindShowsNoOther) {
  const auto models = run_flam("list models");
  EXPECT_THAT(models.out, AllOf(HasSubstr("  flamingo_mini_vqa\n"), Not(HasSubstr("perceiver"))));
  const auto metrics = run_flam("list metric");
  EXPECT_THAT(metrics.out, AllOf(HasSubstr("  exact_match  "), Not(HasSubstr("perceiver"))));
  EXPECT_THAT(metrics.out, Not(HasSubstr("flamingo_mini")));
}

TEST_F(Report, ListAsJsonNamesWhereEachComesFrom) {
  const auto ran = run_flam("list --json");
  ASSERT_EQ(ran.status, 0) << ran.err;
  std::set<std::string> kinds;
  for (const json& entry : parsed_lines(ran.out)) {
    kinds.insert(entry["kind"]);
    EXPECT_TRUE(fs::is_regular_file(entry["origin"].get<std::string>())) << entry;
    EXPECT_NE(entry["name"], "");
    if (entry["kind"] == "models") continue;
    EXPECT_NE(entry["doc"], "") << entry;
    EXPECT_EQ(fs::path(entry["origin"].get<std::string>()).parent_path(), fs::canonical(kPlugins));
  }
  EXPECT_EQ(kinds, (std::set<std::string>{"models", "transform", "media_layout", "vision_backbone",
                                          "resampler", "adapter", "language_decoder", "tokenizer",
                                          "task_head", "dataset", "metric", "objective", "optimizer"}));
  for (const json& entry : parsed_lines(run_flam("list models --json").out))
    EXPECT_EQ(entry["kind"], "models");
}

TEST_F(Report, JsonEscapesWhatATerminalWouldObey) {
  const fs::path folder = scratch_ / "del\x7f\xc2\x9b";
  fs::create_directory(folder);
  for (const char* suffix : {"", ".json"}) {
    const std::string file = std::string("libflam_metric_exact_match.so") + suffix;
    fs::copy_file(kPlugins / file, folder / file);
  }
  const std::string here = " --json --plugin-path '" + folder.string() + "'";
  for (const char* command : {"list metric", "inspect metric", "inspect exact_match"}) {
    const auto ran = run_flam(command + here);
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_THAT(ran.out, AllOf(HasSubstr("del\\u007f\\u009b/libflam"), Not(HasSubstr("\x7f")),
                               Not(HasSubstr("\xc2\x9b"))))
        << command;
  }
}

TEST_F(Report, ListWarnsAboutShadowedAndBrokenPlugins) {
  const std::string library = "libflam_metric_exact_match.so";
  const auto shadowing = run_flam("list metric" + plugin_path(kPlugins / library));
  EXPECT_EQ(shadowing.status, 0);
  EXPECT_THAT(shadowing.out, HasSubstr("  exact_match  "));
  EXPECT_THAT(shadowing.err, HasSubstr((fs::canonical(kPlugins) / library).string() + " is shadowed by " +
                                       (scratch_ / library).string()));
  const auto broken = run_flam("list metric --json" + plugin_path(fixture("no_entry")));
  EXPECT_EQ(broken.status, 0);
  EXPECT_EQ(parsed_lines(broken.out).size(), parsed_lines(run_flam("list metric --json").out).size());
  EXPECT_THAT(broken.err, AllOf(HasSubstr("libflam_no_entry.so"), HasSubstr("has no entry point")));
}

TEST_F(Report, InspectShowsParametersShapesAndOrigin) {
  const auto text = run_flam("inspect resampler/perceiver");
  ASSERT_EQ(text.status, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("resampler 'perceiver'\n"), HasSubstr("[B,T,F,P,D]"),
                              HasSubstr("libflam_resampler_perceiver.so"), HasSubstr("num_latents (int: "),
                              HasSubstr("libtorch " FLAM_TORCH_VERSION)));
  const json page = json::parse(run_flam("inspect perceiver --json").out);
  EXPECT_EQ(page["kind"], "resampler");
  EXPECT_EQ(page["stamp"]["torch"], FLAM_TORCH_VERSION);
  const auto latents = std::find_if(page["parameters"].begin(), page["parameters"].end(),
                                    [](const json& parameter) { return parameter["name"] == "num_latents"; });
  ASSERT_NE(latents, page["parameters"].end());
  EXPECT_EQ((*latents)["type"], "int");
  EXPECT_EQ((*latents)["default"], 64);
  EXPECT_EQ((*latents)["minimum"], 1);
}

TEST_F(Report, InspectOpensALibraryByItsPath) {
  const auto ran = run_flam("inspect " + (kPlugins / "libflam_dataset_scenes.so").string());
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("dataset 'scenes'"), HasSubstr("metric 'scene_truth'")));
  const auto broken = run_flam("inspect " + fixture("no_stamp").string());
  EXPECT_EQ(broken.status, 2);
  EXPECT_THAT(broken.err, HasSubstr("returns no stamp"));
  const auto unknown = run_flam("inspect resampler/perciever");
  EXPECT_EQ(unknown.status, 2);
  EXPECT_THAT(unknown.err, HasSubstr("did you mean 'perceiver'"));
}

TEST_F(Report, DoctorNamesEveryPluginAndConfig) {
  const auto ran = run_flam("doctor");
  EXPECT_EQ(ran.status, 0) << ran.out;
  EXPECT_THAT(ran.out, ContainsRegex("^flamboyance [0-9.]+, libtorch " FLAM_TORCH_VERSION "\n"
                                     "cpu: [0-9]+ cores, [0-9]+ threads used\n"
                                     "cuda: (works|not usable: [^\n]+)\n"
                                     "(  [^\n]+\n)*"
                                     "  libtorch's CUDA half[^\n]+\n"
                                     "configs: /.+\n"
                                     "plugin folder: /.+\n"));
  for (const auto& entry : fs::directory_iterator(kPlugins)) {
    if (entry.path().extension() != ".so") continue;
    EXPECT_THAT(ran.out, HasSubstr("  " + entry.path().filename().string() + ": loads\n"));
  }
  for (const json& model : parsed_lines(run_flam("list models --json").out))
    EXPECT_THAT(ran.out, HasSubstr("config " + model["name"].get<std::string>() + ": ok\n"));
  EXPECT_THAT(ran.out, testing::EndsWith("\nall is well\n"));
}

TEST_F(Report, DoctorNamesBrokenAndShadowedPlugins) {
  const std::string library = "libflam_metric_exact_match.so";
  fs::copy_file(kPlugins / library, scratch_ / library);
  const auto ran = run_flam("doctor" + plugin_path(fixture("other_torch")));
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("  libflam_other_torch.so: does not load: "),
                             HasSubstr("libtorch: plugin has '999"),
                             HasSubstr("  " + library + ": shadowed by " + (scratch_ / library).string()),
                             testing::EndsWith("\n1 problem\n")));
}

TEST_F(Report, DoctorAlsoReadsTheConfigs) {
  write_file(scratch_ / "broken.yaml", "model:\n  resamplr: {type: perceiver}\n");
  write_file(scratch_ / "odd.yaml", "a: 012\n");
  write_file(scratch_ / "rooted.yaml", "weights: {root: '${configs}/weights'}\n");
  const auto ran = run_flam("doctor", "FLAM_CONFIGS_DIR=" + scratch_.path().string() + " ");
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(
      ran.out,
      AllOf(HasSubstr("configs: " + scratch_.path().string() + "\n"),
            HasSubstr("config broken: " + (scratch_ / "broken.yaml").string() + ":2:3: "),
            HasSubstr("did you mean 'resampler'"), HasSubstr("config odd: "), HasSubstr("odd.yaml:1:4: "),
            HasSubstr("rooted.yaml:1:1: the config lacks `model`"), testing::EndsWith("\n3 problems\n")));
}

}  // namespace
}  // namespace flam
