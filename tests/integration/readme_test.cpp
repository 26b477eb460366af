// The README examples of the shipped models: the commands print what README shows, and its question can only
// be answered from the picture.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "framework/base/file.h"
#include "tests/cli/run_flam.h"

namespace flam {
namespace {

using test::run_flam;

struct Shown {
  std::string arguments, output;
};

/// Each block with one command, and the block with its output.
std::vector<Shown> commands_of_readme() {
  const std::string text = read_file(FLAM_SOURCE_DIR "/README.md", 1 << 20);
  const std::regex blocks("```sh\ntools/flam (infer flamingo_[^\n]*)\n```\n[^`]*```\n([^`]*)```");
  std::vector<Shown> out;
  for (std::sregex_iterator at(text.begin(), text.end(), blocks), end; at != end; ++at)
    out.push_back({(*at)[1], (*at)[2]});
  return out;
}

TEST(Readme, CommandsPrintWhatItSays) {
  const auto commands = commands_of_readme();
  EXPECT_EQ(commands.size(), 4u);
  for (const Shown& command : commands) {
    const auto ran = run_flam(command.arguments, "cd " FLAM_SOURCE_DIR " && ");
    EXPECT_EQ(ran.out, command.output) << command.arguments << "\n" << ran.err;
  }
}

TEST(Readme, QuestionIsAnsweredWronglyWithoutThePicture) {
  std::smatch asked;
  const auto commands = commands_of_readme();
  ASSERT_FALSE(commands.empty());
  const Shown& command = commands.back();
  ASSERT_TRUE(std::regex_search(command.arguments, asked, std::regex("--question \"([^\"]*)\"")));

  const test::Scratch folder;
  std::filesystem::copy_file(FLAM_SOURCE_DIR "/docs/images/scene.png", folder / "scene.png");
  const std::string answer = command.output.substr(0, command.output.find('\n'));
  const nlohmann::json record = {
      {"image", "scene.png"}, {"question", asked[1].str()}, {"references", {answer}}};
  std::ofstream(folder / "annotations.jsonl") << record << "\n";
  const auto ran = run_flam("evaluate flamingo_mini_vqa --json --set 'dataset={type: image_folder, folder: " +
                            folder.path().string() + "}'");
  ASSERT_EQ(ran.status, 0) << ran.err;
  const auto scores = nlohmann::json::parse(ran.out);
  EXPECT_EQ(scores["scores"]["exact"], 1.0);
  EXPECT_EQ(scores["controls"]["blind"]["exact"], 0.0);
}

}  // namespace
}  // namespace flam
