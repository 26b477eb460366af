// A run compared with the same model in float32 and without quantisation.
#include "framework/commands/verify/against.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/base/file.h"
#include "framework/commands/quantize/quantize_model.h"
#include "tests/cli/run_flam.h"

namespace flam {
namespace {

using test::error_of;
using testing::HasSubstr;

class Against : public testing::Test {
 protected:
  static std::shared_ptr<Session> open(const std::string& quantize, const std::string& weights = "") {
    RunOptions run;
    run.quantize = quantize;
    run.weights = weights;
    run.dtype = "float32";
    run.threads = 1;
    return Session::open("flamingo_mini_vqa", run);
  }
  static AgainstOptions first(int64_t limit) {
    AgainstOptions options;
    options.limit = limit;
    options.batch_size = 4;
    return options;
  }
  test::Scratch scratch_;
};

TEST_F(Against, ARunEqualsItself) {
  const auto session = open("");
  const AgainstReport report = verify_against(*session, *session, first(6));
  EXPECT_EQ(report.requests, 6);
  EXPECT_GE(report.tokens, 6);
  EXPECT_EQ(report.mean_kl, 0);
  EXPECT_EQ(report.top1_agreement(), 1);
  EXPECT_EQ(report.answer_agreement(), 1);
  EXPECT_TRUE(report.failures.empty());
}

TEST_F(Against, EightBitsAreCloserThanFour) {
  const auto reference = open("");
  const AgainstReport eight = verify_against(*open("int8"), *reference, first(12)),
                      four = verify_against(*open("int4"), *reference, first(12));
  EXPECT_GT(eight.mean_kl, 0);
  EXPECT_LT(eight.mean_kl, four.mean_kl);
  EXPECT_LT(eight.mean_kl, 0.01);
  EXPECT_GT(eight.top1_agreement(), 0.9);
  EXPECT_LE(eight.mean_kl, eight.largest_kl);
}

TEST_F(Against, RequestsOfAFileOfWhichOneFails) {
  AgainstOptions options;
  options.requests = (scratch_ / "r.jsonl").string();
  const auto line = [](const std::string& id, const std::string& picture) {
    return R"({"id": ")" + id + R"(", "parts": [{"image": ")" + picture +
           "\"}, {\"text\": \"what shape is it?\"}]}\n";
  };
  write_file(options.requests,
             line("a", FLAM_SOURCE_DIR "/docs/images/scene.png") + line("b", "/nowhere.png"));
  const auto session = open("");
  const AgainstReport report = verify_against(*session, *session, options);
  EXPECT_EQ(report.requests, 1);
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_THAT(report.failures[0], HasSubstr("nowhere.png"));
}

TEST_F(Against, AQuantisedFileIsNoReference) {
  QuantizeOptions options;
  options.config = "flamingo_mini_vqa";
  options.output = (scratch_ / "q.safetensors").string();
  options.run.quantize = "int8";
  quantize_model(options);
  EXPECT_THAT(error_of([&] { require_numbers(*open("none", options.output)); }), HasSubstr("q.safetensors"));
}

TEST_F(Against, OnTheCommandLine) {
  const test::Ran none = test::run_flam("verify flamingo_mini_vqa");
  EXPECT_EQ(none.status, 2);
  EXPECT_THAT(none.err, HasSubstr("--against float32"));
  const test::Ran ran =
      test::run_flam("verify flamingo_mini_vqa --quantize int8 --against float32 --limit 3");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("top-1 agreement: "));
}

}  // namespace
}  // namespace flam
