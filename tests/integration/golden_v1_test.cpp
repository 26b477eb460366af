// Every prompt case of the golden folder through the same code as `flam verify`.
#include <gtest/gtest.h>

#include <set>

#include "framework/base/text.h"
#include "framework/commands/verify/reference_case.h"
#include "framework/commands/verify/verify.h"
#include "framework/weights/checkpoint.h"
#include "tests/integration/golden_config.h"
#include "tests/support/scratch.h"
#include "tests/support/test_device.h"

namespace flam {
namespace {

std::string departures(const VerifyReport& report) {
  std::string out;
  for (const StageCheck& stage : report.stages) {
    if (!stage.passed) {
      out += cat(stage.stage, " ", stage.shape, " largest error ", stage.largest_error, " (tolerance ",
                 stage.tolerance, ") ", stage.note, "\n");
    }
  }
  return out;
}

VerifyReport verify_case(const std::filesystem::path& folder, const std::string& name,
                         const test::GoldenVariant& variant) {
  const test::Scratch scratch;
  const auto session = Session::open(
      test::write_golden_config(scratch.path(), folder, name, variant).string(), test::on_device());
  return verify(*session, folder / name);
}

TEST(GoldenV1, EveryPromptCaseAgrees) {
  const auto folder = test::golden_root() / "v1_tiny";
  const auto cases = test::prompt_cases(folder);
  ASSERT_FALSE(cases.empty()) << "no cases in " << folder;
  for (const std::string& name : cases) {
    SCOPED_TRACE(name);
    const VerifyReport report = verify_case(folder, name, {});
    EXPECT_TRUE(report.passed()) << departures(report);
    // Every tensor of the dump is compared, except what only some models write.
    std::set<std::string> compared;
    for (const StageCheck& stage : report.stages) compared.insert(stage.stage);
    const auto dump = open_checkpoint(folder / (name + ".safetensors"));
    for (const std::string& tensor : dump->names())
      EXPECT_TRUE(compared.contains(stage_of(tensor))) << tensor << " was not compared";
  }
}

TEST(GoldenV1, EveryNamingAndFormatGivesTheSame) {
  const auto folder = test::golden_root() / "v1_tiny";
  const auto cases = test::prompt_cases(folder);
  ASSERT_FALSE(cases.empty()) << "no cases in " << folder;
  for (const char* vision : {"mmpretrain", "openai", "huggingface"}) {
    for (const char* decoder : {"llama", "llama/pytorch_model.bin", "llama/model.safetensors.index.json"}) {
      SCOPED_TRACE(cat(vision, " ", decoder));
      const VerifyReport report = verify_case(folder, cases.front(), {vision, decoder});
      EXPECT_TRUE(report.passed()) << departures(report);
    }
  }
}

TEST(GoldenV1, AWrongModelIsNoticed) {
  const auto folder = test::golden_root() / "v1_tiny";
  const auto cases = test::prompt_cases(folder);
  ASSERT_FALSE(cases.empty());
  const test::Scratch scratch;
  RunOptions options = test::on_device();
  options.overrides = {"model.language_decoder.rope_theta=10100.0"};
  const auto session =
      Session::open(test::write_golden_config(scratch.path(), folder, cases.front()).string(), options);
  EXPECT_FALSE(verify(*session, folder / cases.front()).passed());
}

}  // namespace
}  // namespace flam
