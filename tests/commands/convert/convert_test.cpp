// Files written by `flam convert`, and what it refuses.
#include "framework/commands/convert/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/base/hash.h"
#include "framework/base/text.h"
#include "framework/session/session.h"
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
const std::string kWeights = FLAM_SOURCE_DIR "/configs/flamingo_mini/flamingo_mini.safetensors";

class Convert : public testing::Test {
 protected:
  Convert() {
    options_.config = "flamingo_mini_caption";
    options_.output = (scratch_ / "out.safetensors").string();
    options_.overwrite = true;
  }
  std::string error() const {
    return error_of([&] { convert(options_); });
  }
  /// The caption of a scene with these weights; "": the config's.
  std::string caption(const std::string& weights) const {
    RunOptions run = options_.run;
    run.weights = weights;
    run.dtype = "float32";
    run.threads = 1;
    return Session::open(options_.config, run)->answer(picture_request(kScene)).answer.front().second;
  }
  /// Sets the config's files to a copy of flamingo_mini's without the tensors that begin with `prefix`.
  void leave_out(const std::string& prefix) {
    std::vector<std::pair<std::string, at::Tensor>> tensors;
    const auto file = open_checkpoint(kWeights);
    for (const std::string& name : file->names())
      if (!name.starts_with(prefix)) tensors.emplace_back(name, file->tensor(name));
    write_safetensors(scratch_ / "part.safetensors", tensors);
    options_.run.overrides = {"weights.files=[{path: " + (scratch_ / "part.safetensors").string() + "}]"};
  }

  test::Scratch scratch_;
  ConvertOptions options_;
};

TEST_F(Convert, HalfPrecisionGivesTheSameCaption) {
  options_.run.dtype = "float16";
  const ConvertReport report = convert(options_);
  const auto file = open_checkpoint(options_.output), source = open_checkpoint(kWeights);
  EXPECT_EQ(report.tensors, std::ssize(file->names()));
  EXPECT_TRUE(report.initialised.empty());
  EXPECT_EQ(file->names(), source->names());
  int64_t bytes = 0;
  for (const std::string& name : file->names()) {
    EXPECT_EQ(file->tensor(name).scalar_type(), at::kHalf);
    EXPECT_TRUE(file->tensor(name).equal(source->tensor(name).to(at::kHalf))) << name;
    bytes += static_cast<int64_t>(file->tensor(name).nbytes());
  }
  EXPECT_EQ(report.bytes, bytes);
  EXPECT_EQ(caption(options_.output), caption(""));
}

/// The tensors of a component, written with the names of a table and read through that table, are the same.
TEST_F(Convert, PublishedNamesCanBeReadAgain) {
  const auto source = open_checkpoint(kWeights);
  for (const auto& [slot, naming] : std::vector<std::pair<std::string, std::string>>{
           {"vision_backbone", "openai"}, {"language_decoder", "huggingface"}}) {
    SCOPED_TRACE(slot + " " + naming);
    options_.only = {slot + ".*"};
    options_.naming = naming;
    options_.run.overrides.clear();
    convert(options_);
    for (const std::string& name : open_checkpoint(options_.output)->names())
      EXPECT_FALSE(name.starts_with(slot)) << name;
    const std::string back = (scratch_ / "back.safetensors").string();
    ConvertOptions again = options_;
    again.naming.clear();
    again.output = back;
    again.run.overrides = {cat("weights.files=[{path: ", options_.output,
                               ", layout: [{prefix: '', slot: ", slot, ", naming: ", naming, "}]}]")};
    convert(again);
    const auto read = open_checkpoint(back);
    EXPECT_FALSE(read->names().empty());
    for (const std::string& name : read->names())
      EXPECT_TRUE(read->tensor(name).equal(source->tensor(name))) << name;
  }
}

TEST_F(Convert, NamingNeedsOneComponentThatKnowsIt) {
  options_.naming = "huggingface";
  EXPECT_THAT(error(), HasSubstr("--naming needs the tensors of one component"));
  options_.only = {"language_decoder.*"};
  options_.naming = "huggingfac";
  EXPECT_THAT(error(), HasSubstr("has no naming 'huggingfac'; did you mean 'huggingface'?"));
  options_.naming = "gguf";  // the names of GGUF files, which are not written
  EXPECT_THAT(error(), HasSubstr("has no naming 'gguf'"));
  EXPECT_FALSE(fs::exists(options_.output));
}

TEST_F(Convert, MetadataNameTheModelAndItsSources) {
  convert(options_);
  const auto metadata = open_checkpoint(options_.output)->metadata();
  EXPECT_EQ(metadata.at("config"), "flamingo_mini_caption");
  EXPECT_EQ(nlohmann::json::parse(metadata.at("model"))["resampler"]["type"], "perceiver");
  const auto sources = nlohmann::json::parse(metadata.at("sources"));
  ASSERT_EQ(sources.size(), 1u);
  EXPECT_EQ(sources[0]["file"], "flamingo_mini.safetensors");
  EXPECT_EQ(sources[0]["sha256"], sha256_file(kWeights));
}

TEST_F(Convert, TensorsOfOtherProjectsNeedNoLayoutAfterwards) {
  options_.config =
      test::write_golden_config(scratch_.path(), test::golden_root() / "v1_tiny", "caption_0shot").string();
  convert(options_);
  EXPECT_EQ(caption(options_.output), caption(""));
  // Fused tensors are written whole, and converting the result changes nothing.
  const std::string first = options_.output;
  options_.run.weights = first;
  options_.output = (scratch_ / "again.safetensors").string();
  convert(options_);
  const auto one = open_checkpoint(first), two = open_checkpoint(options_.output);
  EXPECT_EQ(one->names(), two->names());
  EXPECT_THAT(one->names(), testing::Contains(HasSubstr("qkv")));
  for (const std::string& name : one->names())
    EXPECT_TRUE(one->tensor(name).equal(two->tensor(name))) << name;
}

TEST_F(Convert, TiedTensorsAreWrittenOnce) {
  options_.run.overrides = {"model.language_decoder.tie_word_embeddings=true"};
  options_.run.weights = "random";
  options_.run.weights_seed = 7;
  const ConvertReport report = convert(options_);
  EXPECT_EQ(std::ssize(report.initialised), report.tensors);
  const auto names = open_checkpoint(options_.output)->names();
  const auto holds = [](const char* text) {
    return [text](const std::string& name) { return name.find(text) != std::string::npos; };
  };
  EXPECT_EQ(std::ranges::count_if(names, holds("embed_tokens")), 1);
  EXPECT_EQ(std::ranges::count_if(names, holds("lm_head")), 0);
  options_.run.overrides.emplace_back("generation.max_new_tokens=8");
  EXPECT_NO_THROW(caption(options_.output));
}

TEST_F(Convert, OnlyChosenTensorsAreWritten) {
  leave_out("language_decoder.");
  options_.only = {"adapter.*", "resampler.latents"};
  const ConvertReport report = convert(options_);
  EXPECT_TRUE(report.initialised.empty());
  std::vector<std::string> expected;
  const auto source = open_checkpoint(kWeights), file = open_checkpoint(options_.output);
  for (const std::string& name : source->names())
    if (name.starts_with("adapter.") || name == "resampler.latents") expected.push_back(name);
  EXPECT_GT(expected.size(), 10u);
  EXPECT_EQ(file->names(), expected);
  for (const std::string& name : expected)
    EXPECT_TRUE(file->tensor(name).equal(source->tensor(name))) << name;
}

TEST_F(Convert, ChosenTensorsMustExistAndBeInAFile) {
  options_.only = {"adapter.*", "adaptor.*"};
  EXPECT_THAT(error(), HasSubstr("no tensor of the model matches --only 'adaptor.*'"));
  leave_out("adapter.layers.0.attn");
  options_.only = {"adapter.*"};
  EXPECT_THAT(error(), HasSubstr("no file of weights has the tensor 'adapter.layers.0.attn"));
  EXPECT_FALSE(fs::exists(options_.output));
}

TEST_F(Convert, AMissingFileIsAnErrorThatSaysWhatTheConfigAdvises) {
  options_.run.overrides = {"weights.files=[{path: /no/such.gguf, if_missing: run the helper}]"};
  EXPECT_THAT(error(), HasSubstr("no weights file '/no/such.gguf'; run the helper"));
}

TEST_F(Convert, MissingTensorsAreRefusedOrInitialised) {
  leave_out("adapter.layers.0.attn");
  const std::string refusal = error();
  EXPECT_THAT(refusal, AllOf(HasSubstr("tensors are in no file"), HasSubstr("\n    adapter.layers.0.attn")));
  EXPECT_FALSE(fs::exists(options_.output));
  options_.initialise_missing = true;
  const ConvertReport report = convert(options_);
  ASSERT_FALSE(report.initialised.empty());
  for (const std::string& name : report.initialised)
    EXPECT_TRUE(name.starts_with("adapter.layers.0.attn")) << name;
  const auto file = open_checkpoint(options_.output), source = open_checkpoint(kWeights);
  EXPECT_EQ(file->names(), source->names());

  const auto ran = run_flam("convert flamingo_mini_caption --overwrite " + options_.output +
                            " --initialise-missing --set '" + options_.run.overrides[0] + "'");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.err, AllOf(HasSubstr(cat(report.tensors, " tensors, ", report.bytes, " bytes, in ")),
                             HasSubstr(cat(report.initialised.size(), " of them are in no file")),
                             HasSubstr("\n  " + report.initialised[0] + "\n")));
}

TEST_F(Convert, ItsHelpNamesTheCommandForQuantisedFiles) {
  EXPECT_THAT(run_flam("convert --help").out,
              HasSubstr("`flam quantize` writes one with matrices in 8 or 4"));
}

TEST_F(Convert, AFileThatIsReadIsNotReplaced) {
  const fs::path folder = scratch_ / "weights";
  fs::create_directory(folder);
  fs::copy_file(kWeights, folder / "model.safetensors");
  options_.output = (folder / "model.safetensors").string();
  for (const std::string& weights : {options_.output, folder.string()}) {
    options_.run.weights = weights;
    EXPECT_THAT(error(), HasSubstr("OUTPUT '" + options_.output + "' would overwrite an input of the run"));
  }
  options_.run.weights.clear();
  for (const char* path : {"model.safetensors", "."}) {
    options_.run.overrides = {"weights.root=" + folder.string(), cat("weights.files=[{path: ", path, "}]")};
    EXPECT_THAT(error(), HasSubstr("would overwrite an input of the run"));
  }
  EXPECT_EQ(fs::file_size(options_.output), fs::file_size(kWeights));
}

TEST_F(Convert, AnExistingFileIsReplacedOnlyIfAsked) {
  options_.overwrite = false;
  EXPECT_EQ(error(), "");
  const auto written = fs::last_write_time(options_.output);
  EXPECT_EQ(error(), "'" + options_.output + "' exists; give --overwrite to replace it");
  EXPECT_EQ(fs::last_write_time(options_.output), written);
}

TEST_F(Convert, ValuesThatTheDtypeCannotHoldAreAnError) {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  const auto file = open_checkpoint(kWeights);
  for (const std::string& name : file->names()) tensors.emplace_back(name, file->tensor(name));
  tensors[5].second = tensors[5].second * 1e8;
  options_.run.weights = (scratch_ / "large.safetensors").string();
  write_safetensors(options_.run.weights, tensors);
  options_.run.dtype = "float16";
  EXPECT_EQ(error(),
            "tensor '" + tensors[5].first +
                "' has values that are not finite in float16 (its largest number is 65504); use --dtype "
                "bfloat16 or float32");
  EXPECT_FALSE(fs::exists(options_.output));
  options_.run.dtype = "bfloat16";
  EXPECT_EQ(error(), "");
}

TEST_F(Convert, WithoutFilesIsRefused) {
  options_.run.overrides = {"weights.files=[]"};
  EXPECT_THAT(error(), HasSubstr("the config names no weights"));
  options_.run.overrides = {"weights.root=/no/such"};
  EXPECT_THAT(error(), HasSubstr("no weights file '/no/such/flamingo_mini.safetensors'"));
}

}  // namespace
}  // namespace flam
