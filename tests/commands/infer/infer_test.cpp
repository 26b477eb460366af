// What `flam infer` does besides answering: order, batches, and files about the answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/commands/infer/infer.h"
#include "tests/support/requests.h"

namespace flam {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kScene = FLAM_SOURCE_DIR "/docs/images/scene.png";

class Infer : public testing::Test {
 protected:
  Infer() {
    options_.config = "flamingo_mini_caption";
    hooks_.outcome = [this](const Request& request, const Outcome& outcome, const GenerationParams&) {
      ids_.push_back(request.id + (outcome.error ? " !" : ""));
    };
  }
  std::string request_file(const std::string& lines) {
    write_file(scratch_ / "requests.jsonl", lines);
    return (scratch_ / "requests.jsonl").string();
  }

  test::Scratch scratch_;
  InferOptions options_;
  InferHooks hooks_;
  std::vector<std::string> ids_;
};

TEST_F(Infer, KeepsTheOrderOfRequestsAtEveryBatchSize) {
  std::string lines;
  for (const char* id : {"a", "b", "broken", "c", "d"}) {
    const std::string picture = std::string(id) == "broken" ? "/no/such.png" : kScene;
    lines += R"({"parts": [{"image": ")" + picture + R"("}], "id": ")" + id + "\"}\n";
  }
  lines += "no request\n";
  options_.inputs.request_file = request_file(lines);
  for (const int64_t batch_size : {1, 2, 3, 64}) {
    ids_.clear();
    options_.batch_size = batch_size;
    const InferReport report = infer(options_, hooks_);
    EXPECT_THAT(ids_, ElementsAre("a", "b", "broken !", "c", "d", options_.inputs.request_file + ":6 !"))
        << batch_size;
    EXPECT_EQ(report.done, 6);
    EXPECT_EQ(report.failed, 2);
    EXPECT_EQ(report.refused, 2);
  }
}

TEST_F(Infer, LooksAtAPictureThatIsDecodedOnce) {
  options_.inputs.images = {kScene};
  options_.record = (scratch_ / "recording.safetensors").string();
  options_.explain = (scratch_ / "page.html").string();
  options_.receipt = (scratch_ / "receipt.json").string();
  EXPECT_EQ(infer(options_, hooks_).failed, 0);
  for (const std::string& file : {options_.record, options_.explain, options_.receipt})
    EXPECT_TRUE(std::filesystem::exists(file)) << file;
  const auto receipt = nlohmann::json::parse(read_file(options_.receipt, 1 << 20));
  EXPECT_EQ(receipt["weights"].size(), 1u);
  EXPECT_EQ(receipt["weights"][0]["sha256"].get<std::string>().size(), 64u);
  EXPECT_FALSE(receipt["milliseconds"].contains("decode"));  // it was decoded before the answer, for all
}

TEST_F(Infer, SeveralRequestsAreNotLookedAtClosely) {
  const std::string line = R"({"parts": [{"image": ")" + kScene + "\"}]}\n";
  options_.inputs.request_file = request_file(line + line);
  options_.explain = (scratch_ / "page.html").string();
  EXPECT_THAT(error_of([&] { infer(options_, hooks_); }), HasSubstr("there are several requests"));
  EXPECT_TRUE(ids_.empty());
  EXPECT_FALSE(std::filesystem::exists(options_.explain));
}

TEST_F(Infer, OptionsOfWritingAreRefusedOnceWhereTheModelChooses) {
  options_.config = "flamingo_mini_ranking";
  const std::string line = R"({"parts": [{"image": ")" + kScene +
                           R"("}, {"text": "is there a ring?"}], "candidates": ["yes", "no"]})" + "\n";
  options_.inputs.request_file = request_file(line + line);
  options_.num_beams = 3;
  EXPECT_THAT(error_of([&] { infer(options_, hooks_); }),
              HasSubstr("--num-beams applies to models that generate answers"));
  EXPECT_TRUE(ids_.empty());
}

}  // namespace
}  // namespace flam
