// Hugging Face folders opened as they are, beside transformers 5.24.
#include <gtest/gtest.h>

#include <cstring>

#include "framework/base/file.h"
#include "framework/commands/verify/verify.h"
#include "tests/integration/golden_config.h"
#include "tests/integration/golden_folder.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

class Passes {
 public:
  void operator()(const std::string& name, const std::string& problem) {
    EXPECT_EQ(problem, "") << name;
    ++count;
  }
  int count = 0;
};

TEST(GoldenImport, EveryCaseOfLlavaAgrees) {
  const auto folder = test::golden_root() / "llava_tiny";
  const auto models = test::model_folders(folder);
  ASSERT_EQ(models.size(), 1u);
  const auto cases = test::cases_of_model(folder, models.front());
  ASSERT_FALSE(cases.empty());
  RunOptions options;
  options.dtype = "float32";
  const auto session = Session::open(models.front().string(), options);
  for (const std::string& name : cases) {
    const VerifyReport report = verify(*session, folder / name);
    for (const StageCheck& stage : report.stages) {
      EXPECT_TRUE(stage.passed) << name << " " << stage.stage << " " << stage.note;
    }
    EXPECT_GT(report.stages.size(), 10u) << name;
  }
}

TEST(GoldenImport, TheClassTokenIsAMediaTokenOfAFullSelection) {
  const test::Scratch scratch;
  const std::filesystem::path model = scratch / "model";
  std::filesystem::copy(test::golden_root() / "llava_tiny" / "model", model);
  std::string config = read_file(model / "config.json", 1 << 20);
  const std::string strategy = "\"vision_feature_select_strategy\": ";
  config.replace(config.find(strategy + "\"default\""), (strategy + "\"default\"").size(),
                 strategy + "\"full\"");
  write_file(model / "config.json", config);
  RunOptions options;
  options.dtype = "float32";
  const auto session = Session::open(model.string(), options);
  const VerifyReport report = verify(*session, test::golden_root() / "llava_full" / "full");
  for (const StageCheck& stage : report.stages) EXPECT_TRUE(stage.passed) << stage.stage << " " << stage.note;
  EXPECT_GT(report.stages.size(), 4u);
}

/// Takes `part` out of the names of the tensors of a safetensors file, whose header keeps its length.
void shorten_names(const std::filesystem::path& file, const std::string& part) {
  std::string bytes = read_file(file, 1 << 24);
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  std::string header = bytes.substr(sizeof length, length);
  for (size_t at; (at = header.find(part)) != header.npos;) header.erase(at, part.size());
  header.resize(length, ' ');
  write_file(file, bytes.replace(sizeof length, length, header));
}

TEST(GoldenImport, FilesOfTransformers5Agree) {
  const test::Scratch model;
  const auto folder = test::golden_root() / "llava_tiny";
  std::filesystem::copy(folder / "model", model.path());
  std::filesystem::remove(model / "tokenizer.model");
  std::filesystem::permissions(model / "model.safetensors", std::filesystem::perms::owner_all);
  shorten_names(model / "model.safetensors", "vision_model.");
  RunOptions options;
  options.dtype = "float32";
  const auto session = Session::open(model.path().string(), options);
  const auto cases = test::cases_of_model(folder, folder / "model");
  ASSERT_FALSE(cases.empty());
  const VerifyReport report = verify(*session, folder / cases.front());
  for (const StageCheck& stage : report.stages) EXPECT_TRUE(stage.passed) << stage.stage << " " << stage.note;
  EXPECT_GT(report.stages.size(), 10u);
}

TEST(GoldenImport, TilesOfSmolVlmAndIdefics3Agree) {
  const auto folder = test::golden_root() / "smolvlm_tiny";
  RunOptions options;
  options.dtype = "float32";
  for (const auto& [model, name] : {std::pair{"smolvlm", "smolvlm_two_images"},
                                    {"smolvlm", "smolvlm_video"},
                                    {"idefics3", "idefics3_tiled"}}) {
    const auto session = Session::open((folder / model).string(), options);
    const VerifyReport report = verify(*session, folder / (std::string(name) + ".safetensors"));
    for (const StageCheck& stage : report.stages)
      EXPECT_TRUE(stage.passed) << name << " " << stage.stage << " " << stage.note;
    EXPECT_GT(report.stages.size(), 10u) << name;
  }
}

TEST(GoldenImport, PicturesAreCroppedBitForBit) {
  const auto folder = test::golden_root() / "llava_tiny";
  Passes passes;
  test::check_crops(folder, folder / "model", std::ref(passes));
  EXPECT_GT(passes.count, 5);
}

TEST(GoldenImport, ConversationsHaveTheTextsOfTheTemplates) {
  for (const char* folder : {"llava_tiny", "smolvlm_tiny", "chat"}) {
    Passes passes;
    test::check_chat_texts(test::golden_root() / folder, std::ref(passes));
    EXPECT_GT(passes.count, 5) << folder;
  }
}

TEST(GoldenImport, TheModelRunsInTheDtypeOfItsConfig) {
  const auto session = Session::open((test::golden_root() / "llava_tiny" / "model").string());
  EXPECT_EQ(session->config().dtype, "float16");
  EXPECT_EQ(session->model().dtype(), at::kHalf);
}

}  // namespace
}  // namespace flam
