// Errors name a plugin that breaks its contract, and say what is wrong.
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/session/session.h"

namespace flam {
namespace {
using testing::AllOf;
using testing::HasSubstr;

struct Failure {
  std::string message = "no error";
  int exit_status = 0;
};

Failure run_with(const std::string& kind, const std::string& lie) {
  RunOptions options;
  options.weights = "random";
  options.plugin_path = {FLAM_FIXTURE_PLUGINS "/liars"};
  options.overrides = {"model." + kind + "={type: liar, lie: " + lie + "}", "generation.max_new_tokens=3"};
  Request request;
  request.parts.push_back({Part::Kind::image, "", {PictureSource{}}});
  request.parts[0].pictures[0].picture = Picture{at::full({90, 120, 3}, 40, at::kByte)};
  try {
    Session::open("flamingo_mini_caption", options)->answer(request);
  } catch (const Error& error) {
    return {error.what(), error.exit_status()};
  }
  return {};
}

/// The kind, the function that returns a wrong result, and the result that it should return.
using Case = std::tuple<const char*, const char*, const char*>;
class Border : public testing::TestWithParam<Case> {
 protected:
  std::string kind() const { return std::get<0>(GetParam()); }
  std::string call() const { return std::string(std::get<1>(GetParam())) + "()"; }
  std::string expected() const { return std::get<2>(GetParam()); }
  void expect(const std::string& lie, const std::string& what) const {
    const Failure failure = run_with(kind(), lie);
    EXPECT_THAT(failure.message, AllOf(HasSubstr(kind() + " 'liar' " + what), HasSubstr(call()))) << lie;
    EXPECT_EQ(failure.exit_status, 1) << lie;
  }
};
INSTANTIATE_TEST_SUITE_P(Kinds, Border,
                         testing::Values(Case{"vision_backbone", "forward", "[1, 4, 16]"},
                                         Case{"resampler", "forward", "[1, 1, 1, 16]"},
                                         Case{"adapter", "before_layer", "128]"},
                                         Case{"language_decoder", "run", "16]"}),
                         [](const auto& info) { return std::string(std::get<0>(info.param)); });

TEST_P(Border, AcceptsACorrectComponent) {
  EXPECT_EQ(run_with(kind(), "none").message, "no error");
}

TEST_P(Border, NamesTheComponentThatThrows) {
  expect("throws", "fails in " + call() + ": no answer today");
  expect("throws_int", "fails in " + call() + ": throws something that is not a std::exception");
  EXPECT_THAT(
      run_with(kind(), "out_of_memory").message,
      AllOf(HasSubstr("not enough memory on the device: CUDA out of memory. Tried to allocate 2.00 GiB"),
            HasSubstr("a smaller --batch-size"), testing::Not(HasSubstr("liar"))));
  // Its Error about the input is passed on.
  const Failure refusal = run_with(kind(), "refuses");
  EXPECT_EQ(refusal.message, kind() + " 'liar': such a picture is not to be had");
  EXPECT_EQ(refusal.exit_status, 2);
}

TEST_P(Border, NamesTheComponentWithAWrongResult) {
  expect("undefined", "gives an undefined tensor from " + call() + "; expected [");
  expect("wrong_shape", "gives a tensor [");
  expect("wrong_dtype", "gives a tensor [");
  expect("wrong_device", "gives a tensor [");
  EXPECT_THAT(run_with(kind(), "wrong_shape").message, HasSubstr(expected() + " of float32 on cpu"));
  EXPECT_THAT(run_with(kind(), "wrong_dtype").message, HasSubstr(" of Double on cpu from"));
  EXPECT_THAT(run_with(kind(), "wrong_device").message, HasSubstr(" of float32 on meta from"));
}

}  // namespace
}  // namespace flam
