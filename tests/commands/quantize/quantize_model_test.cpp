// Runs with quantised matrices, files written by `flam quantize`, and what is refused.
#include "framework/commands/quantize/quantize_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/commands/convert/convert.h"
#include "framework/session/session.h"
#include "framework/weights/checkpoint.h"
#include "tests/cli/run_flam.h"

namespace flam {
namespace {

namespace fs = std::filesystem;

using test::error_of;
using test::run_flam;
using testing::AllOf;
using testing::HasSubstr;

const std::string kScene = FLAM_SOURCE_DIR "/docs/images/scene.png";

class QuantizeModel : public testing::Test {
 protected:
  QuantizeModel() {
    options_.config = "flamingo_mini_caption";
    options_.output = (scratch_ / "out.safetensors").string();
    options_.run.quantize = "int8";
  }
  static std::shared_ptr<Session> open(const std::string& quantize, const std::string& weights = "",
                                       const std::string& dtype = "float32") {
    RunOptions run;
    run.quantize = quantize;
    run.weights = weights;
    run.dtype = dtype;
    run.threads = 1;
    return Session::open("flamingo_mini_caption", run);
  }
  static std::string caption(const Session& session) {
    return session.answer(picture_request(kScene)).answer.front().second;
  }
  static int64_t quantized(const Session& session) {
    return std::ranges::count_if(session.model().weights().slots(),
                                 [](const auto& slot) { return slot->quantized != nullptr; });
  }
  std::string error() const {
    return error_of([&] { quantize_model(options_); });
  }

  test::Scratch scratch_;
  QuantizeOptions options_;
};

TEST_F(QuantizeModel, EightBitsGiveTheSameCaption) {
  const auto plain = open(""), eight = open("int8");
  EXPECT_EQ(quantized(*plain), 0);
  EXPECT_GT(quantized(*eight), 10);
  EXPECT_EQ(caption(*plain), caption(*eight));
  EXPECT_FALSE(caption(*open("int8", "", "bfloat16")).empty());
  EXPECT_FALSE(caption(*open("int4", "random")).empty());
}

TEST_F(QuantizeModel, AFileIsDescribedAsARunThatQuantises) {
  quantize_model(options_);
  const auto describe = [](const std::string& options) {
    const auto ran = run_flam("describe flamingo_mini_caption --dtype float32 --json " + options);
    EXPECT_EQ(ran.status, 0) << ran.err;
    return nlohmann::json::parse(ran.out);
  };
  const auto ahead = describe("--weights " + options_.output), asked = describe("--quantize int8");
  EXPECT_GT(ahead["quantized"]["matrices"]["int8"], 10);
  EXPECT_EQ(ahead["quantized"], asked["quantized"]);
  EXPECT_EQ(ahead["parts"], asked["parts"]);  // with the scheme of each tensor
  EXPECT_LT(ahead["memory"]["weights_allocated"], asked["memory"]["weights_allocated"]);
  EXPECT_THAT(
      run_flam("describe flamingo_mini_caption --set 'weights.files=[{path: " + options_.output + "}]'").out,
      HasSubstr("quantised: "));
  EXPECT_FALSE(describe("").contains("quantized"));
}

TEST_F(QuantizeModel, AFileGivesTheAnswersOfARunThatQuantises) {
  options_.run.quantize = "int4";
  options_.run.dtype = "float32";
  const QuantizeReport report = quantize_model(options_);
  const auto from_file = open("", options_.output), while_loading = open("int4");
  EXPECT_EQ(report.matrices, quantized(*while_loading));
  EXPECT_EQ(quantized(*from_file), quantized(*while_loading));
  EXPECT_EQ(caption(*from_file), caption(*while_loading));
  EXPECT_EQ(quantized(*open("int4", options_.output)), report.matrices);
  const auto file = open_checkpoint(options_.output);
  EXPECT_EQ(report.tensors, std::ssize(file->names()));
  EXPECT_EQ(file->metadata().at("flamboyance.quantization"), "1");
  EXPECT_EQ(file->metadata().at("config"), "flamingo_mini_caption");
  EXPECT_THAT(error_of([&] { open("int8", options_.output); }), HasSubstr("wanted as int8"));
}

TEST_F(QuantizeModel, TheConfigChoosesTensors) {
  options_.run.quantize.clear();
  options_.run.overrides = {"weights.quantize=[{type: int8, tensors: [vision_backbone.*]}]"};
  EXPECT_GT(quantize_model(options_).matrices, 0);
  const auto session = open("", options_.output);
  for (const auto& slot : session->model().weights().slots()) {
    if (!slot->quantized) continue;
    EXPECT_THAT(slot->name, testing::StartsWith("vision_backbone."));
  }
  EXPECT_FALSE(caption(*session).empty());
}

TEST_F(QuantizeModel, RefusesBadOptionsAndKeepsFiles) {
  options_.run.quantize = "none";
  EXPECT_THAT(error(), HasSubstr("give --quantize int8 or int4"));
  options_.run.quantize = "int9";
  EXPECT_THAT(error(), HasSubstr("'int9'"));
  options_.run.quantize = "int8";
  write_file(options_.output, "precious");
  EXPECT_THAT(error(), AllOf(HasSubstr("exists"), HasSubstr("--overwrite")));
  options_.overwrite = true;
  EXPECT_THAT(error(), HasSubstr("not a safetensors file"));
  EXPECT_EQ(read_file(options_.output, 100), "precious");
  fs::remove(options_.output);
  options_.overwrite = false;
  quantize_model(options_);
  EXPECT_THAT(error(), HasSubstr("exists"));
  options_.overwrite = true;
  EXPECT_EQ(error(), "");
}

TEST_F(QuantizeModel, ConvertAndTrainNeedNumbers) {
  quantize_model(options_);
  ConvertOptions conversion;
  conversion.config = options_.config;
  conversion.output = (scratch_ / "converted.safetensors").string();
  conversion.run.weights = options_.output;
  EXPECT_THAT(error_of([&] { convert(conversion); }),
              AllOf(HasSubstr("is quantised in"), HasSubstr("numbers")));
  conversion.run.weights.clear();
  conversion.run.overrides = {"weights.quantize=int4"};
  EXPECT_THAT(error_of([&] { convert(conversion); }), HasSubstr("weights.quantize=none"));
  EXPECT_FALSE(fs::exists(conversion.output));
}

TEST_F(QuantizeModel, OnTheCommandLine) {
  const test::Ran wrote =
      run_flam("quantize flamingo_mini_caption " + options_.output + " --quantize int4:64");
  EXPECT_EQ(wrote.status, 0) << wrote.err;
  EXPECT_THAT(wrote.err, HasSubstr("quantised matrices"));
  const test::Ran described = run_flam("describe flamingo_mini_caption --quantize int4 --json");
  const auto quantized = nlohmann::json::parse(described.out).at("quantized");
  EXPECT_GT(quantized.at("matrices").at("int4:32"), 10);
  EXPECT_LT(quantized.at("bytes").at("float32"),
            nlohmann::json::parse(described.out).at("bytes").at("float32"));
  const test::Ran refused = run_flam("infer flamingo_mini_caption " + kScene + " --quantize int3");
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("'int3'"));
}

}  // namespace
}  // namespace flam
