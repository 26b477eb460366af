// Features written by `flam features`, and what it refuses.
#include "framework/commands/features/features.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/media/decode.h"
#include "framework/session/session_parts.h"
#include "framework/testing/near.h"
#include "tests/cli/run_flam.h"
#include "tests/integration/golden_config.h"

namespace flam {
namespace {

namespace fs = std::filesystem;

using test::error_of;
using test::run_flam;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kScene = FLAM_SOURCE_DIR "/docs/images/scene.png";
const std::string kOther = FLAM_SOURCE_DIR "/tests/media/pictures/transparent.png";
const std::string kWeights = FLAM_SOURCE_DIR "/configs/flamingo_mini/flamingo_mini.safetensors";

class Features : public testing::Test {
 protected:
  Features() {
    options_.config = "flamingo_mini_caption";
    options_.images = {kScene};
    options_.output = (scratch_ / "out.safetensors").string();
    options_.run.threads = 1;
    hooks_.failed = [this](const std::string& id, const std::string& error) {
      failed_.push_back(cat(id, ": ", error));
    };
  }
  /// What a session of the config computes for the picture.
  at::Tensor expected(const std::string& picture) const {
    RunOptions run = options_.run;
    run.dtype = "float32";
    const auto session = Session::open(options_.config, run);
    const c10::InferenceMode guard;
    const at::Tensor pixels =
        session->transforms().apply(load_picture(PictureSource{picture}, session->config().pictures));
    return session->model().encode_images(pixels.unsqueeze(0)).tokens[0];
  }
  at::Tensor written() const { return open_checkpoint(options_.output)->tensor("features"); }
  std::string error() const {
    return error_of([&] { write_features(options_, hooks_); });
  }
  bool is_there() const { return fs::exists(options_.output); }

  test::Scratch scratch_;
  FeaturesOptions options_;
  FeaturesHooks hooks_;
  std::vector<std::string> failed_;
};

TEST_F(Features, EqualThoseOfASession) {
  options_.images = {kScene, kOther, kScene};
  for (const int64_t batch_size : {1, 2, 16}) {
    options_.batch_size = batch_size;
    const FeaturesReport report = write_features(options_, hooks_);
    EXPECT_EQ(report.done, 3);
    EXPECT_EQ(report.failed, 0);
    const at::Tensor features = written();
    ASSERT_EQ(features.sizes(), at::IntArrayRef({3, 64, 128}));
    EXPECT_TRUE(near(features[0], expected(kScene)));
    EXPECT_TRUE(near(features[1], expected(kOther)));
    EXPECT_TRUE(near(features[2], features[0]));
  }
  const auto metadata = open_checkpoint(options_.output)->metadata();
  EXPECT_EQ(nlohmann::json::parse(metadata.at("ids")), nlohmann::json(options_.images));
  EXPECT_EQ(metadata.at("grid"), "8x8");
  EXPECT_EQ(metadata.at("prefix_tokens"), "0");
  EXPECT_EQ(nlohmann::json::parse(metadata.at("backbone"))["type"], "clip_vit");
}

TEST_F(Features, AreWrittenInTheDtypeThatIsAskedFor) {
  options_.run.dtype = "float16";
  write_features(options_, hooks_);
  EXPECT_EQ(written().scalar_type(), at::kHalf);
  EXPECT_TRUE(near(written()[0], expected(kScene), 1e-3));
}

TEST_F(Features, TooLargeForTheDtypeAreAnError) {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  const auto file = open_checkpoint(kWeights);
  for (const std::string& name : file->names()) {
    const bool last = name == "vision_backbone.layers.3.mlp.fc2.weight";
    tensors.emplace_back(name, file->tensor(name) * (last ? 1e8 : 1.0));
  }
  options_.run.dtype = "float16";
  options_.run.weights = (scratch_ / "large.safetensors").string();
  write_safetensors(options_.run.weights, tensors);
  EXPECT_THAT(error(), HasSubstr("not finite in float16; use --dtype bfloat16 or float32"));
  EXPECT_FALSE(is_there());
}

TEST_F(Features, NeedOnlyTheBackbonesFiles) {
  const auto config =
      test::write_golden_config(scratch_.path(), test::golden_root() / "v1_tiny", "caption_0shot");
  options_.config = config.string();
  const at::Tensor wanted = expected(kScene);
  std::string text = read_file(config, 1 << 20);
  const size_t decoder = text.find("path: llama");
  ASSERT_NE(decoder, std::string::npos) << text;
  text.replace(decoder, 11, "path: none");
  write_file(config, text);
  write_features(options_, hooks_);
  EXPECT_TRUE(near(written()[0], wanted));
}

TEST_F(Features, AreFoundInAFileWhoseOtherTensorsHaveNoPrefix) {
  const std::string backbone = "vision_backbone.", decoder = "language_decoder.";
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  const auto file = open_checkpoint(kWeights);
  for (const std::string& name : file->names()) {
    if (name.starts_with(backbone))
      tensors.emplace_back("vit." + name.substr(backbone.size()), file->tensor(name));
    if (name.starts_with(decoder)) tensors.emplace_back(name.substr(decoder.size()), file->tensor(name));
  }
  write_safetensors(scratch_ / "both.safetensors", tensors);
  const at::Tensor wanted = expected(kScene);
  options_.run.overrides = {"weights.root=" + scratch_.path().string(),
                            "weights.files=[{path: both.safetensors, layout: [{prefix: vit., slot: "
                            "vision_backbone}, {prefix: '', slot: language_decoder}]}]"};
  write_features(options_, hooks_);
  EXPECT_TRUE(near(written()[0], wanted));
  options_.run.overrides[1] =
      "weights.files=[{path: both.safetensors, layout: [{prefix: '', slot: language_decoder}]}]";
  EXPECT_THAT(error(), HasSubstr("has a layout for the slot 'vision_backbone'"));
  options_.run.overrides[1] = "weights.files=[{path: none.safetensors}]";
  EXPECT_THAT(error(), HasSubstr("no weights file '" + (scratch_ / "none.safetensors").string()));
  options_.run.overrides[1] = "weights.files=[{path: both.safetensors}]";
  EXPECT_THAT(error(), HasSubstr("tensors are in no file:\n    vision_backbone."));
}

TEST_F(Features, OfPicturesThatCannotBeReadAreLeftOut) {
  fs::create_directory(scratch_ / "photos");
  fs::copy_file(kScene, scratch_ / "photos/a.png");
  write_file(scratch_ / "photos/b.png", "no picture");
  fs::copy_file(kOther, scratch_ / "photos/c.png");
  write_file(scratch_ / "photos/notes.txt", "no picture");
  options_.images = {(scratch_ / "photos").string(), "/no/such.png"};
  std::vector<std::pair<int64_t, int64_t>> told;
  hooks_.progress = [&](int64_t done, int64_t total) { told.emplace_back(done, total); };
  std::string left_out;
  hooks_.left_out = [&](const std::string& summary) { left_out = summary; };
  const FeaturesReport report = write_features(options_, hooks_);
  EXPECT_EQ(report.done, 2);
  EXPECT_EQ(report.failed, 2);
  EXPECT_THAT(failed_, ElementsAre(HasSubstr("photos/b.png: "), HasSubstr("/no/such.png")));
  EXPECT_THAT(told, ElementsAre(std::pair(4, 4)));
  EXPECT_THAT(left_out, HasSubstr("1 file that is not a picture"));
  EXPECT_TRUE(near(written()[1], expected(kOther)));
  EXPECT_EQ(nlohmann::json::parse(open_checkpoint(options_.output)->metadata().at("ids")),
            nlohmann::json({(scratch_ / "photos/a.png").string(), (scratch_ / "photos/c.png").string()}));

  const auto ran =
      run_flam("features flamingo_mini_caption " + options_.images[0] + " --output " + options_.output);
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, AllOf(HasSubstr("b.png"), HasSubstr("features of 2 pictures in " + options_.output),
                             HasSubstr("left out 1 picture that can't be read")));
}

TEST_F(Features, OfNoPictureAreAnError) {
  options_.images = {"/no/such.png"};
  EXPECT_EQ(error(), "no picture file '/no/such.png'");
  options_.images = {};
  EXPECT_THAT(error(), HasSubstr("no picture given"));
  EXPECT_FALSE(is_there());
}

TEST_F(Features, NeverReplaceAFileThatIsRead) {
  fs::copy_file(kScene, scratch_ / "picture.png");
  fs::copy_file(kWeights, scratch_ / "weights.safetensors");
  const std::string before = read_file(kScene, 1 << 24);
  options_.output = (scratch_ / "picture.png").string();
  for (const std::string& input : {options_.output, scratch_.path().string()}) {
    options_.images = {input};
    // A picture that is in a folder is known as an input only when the folder is read.
    EXPECT_THAT(error(), HasSubstr(input == options_.output ? "would overwrite an input of the run"
                                                            : "which is not a safetensors file"));
    EXPECT_EQ(read_file(options_.output, 1 << 24), before);
  }
  options_.images = {kScene};
  options_.output = options_.run.weights = (scratch_ / "weights.safetensors").string();
  EXPECT_THAT(error(), HasSubstr("would overwrite an input of the run"));
  options_.run.weights.clear();
  options_.run.overrides = {"weights.root=" + scratch_.path().string(),
                            "weights.files=[{path: weights.safetensors}]"};
  EXPECT_THAT(error(), HasSubstr("would overwrite an input of the run"));
  EXPECT_EQ(fs::file_size(options_.output), fs::file_size(kWeights));
}

TEST_F(Features, OfAnInterruptedRunAreNotWritten) {
  options_.images = {kScene, kScene, kScene};
  options_.batch_size = 1;
  for (const int calls : {0, 2, 4, 6}) {
    int left = calls;
    hooks_.cancelled = [&] { return left-- <= 0; };
    EXPECT_EQ(error(), "interrupted") << calls;
    EXPECT_TRUE(fs::is_empty(scratch_.path()));
  }
}

TEST_F(Features, OfAnUnwritableOutputAreNotComputed) {
  options_.output = "/no/such/folder/out.safetensors";
  hooks_.progress = [](int64_t, int64_t) { FAIL(); };
  EXPECT_THAT(error(), HasSubstr("cannot write '/no/such/folder/out.safetensors'"));
}

}  // namespace
}  // namespace flam
