#include "framework/recipe/outputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>

#include "framework/base/file.h"
#include "framework/weights/checkpoint.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using testing::HasSubstr;

class OutputFiles : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (scratch_ / name).string(); }
  std::string refusal(const std::string& name) const {
    Outputs outputs;
    outputs.add_safetensors("--save", path(name), {"prompt", "contents"});
    outputs.add("--page", path("page of " + name), Outputs::Content::html);
    outputs.add("--plot", path("plot of " + name), Outputs::Content::svg);
    outputs.add("--any", path("any of " + name));
    return error_of([&] { outputs.keep_other_content(); });
  }

  test::Scratch scratch_;
};

TEST_F(OutputFiles, ReplaceOnlyWhatTheSameOptionWrote) {
  EXPECT_EQ(refusal("new"), "");
  write_safetensors(path("own"), {}, {{"prompt", "x"}, {"contents", "y"}, {"more", "z"}});
  EXPECT_EQ(refusal("own"), "");
  write_safetensors(path("weights"), {}, {{"prompt", "x"}});
  EXPECT_EQ(refusal("weights"), "--save would replace '" + path("weights") +
                                    "', which is not a file that was written for this option; name another "
                                    "file");
  write_safetensors(path("published"), {});
  EXPECT_THAT(refusal("published"), HasSubstr("was written for this option"));
  const std::string own = read_file(path("own"), 1 << 20);
  write_file(path("damaged"), own.substr(0, own.size() / 2));
  EXPECT_THAT(refusal("damaged"), HasSubstr("was written for this option"));
  write_file(path("text"), "some text");
  EXPECT_THAT(refusal("text"), HasSubstr("is not a safetensors file"));
  write_file(path("empty"), "");
  EXPECT_EQ(refusal("empty"), "");
  write_file(path("page of new"), "<html>");
  EXPECT_THAT(refusal("new"), HasSubstr("is not an HTML page"));
  write_file(path("plot of other"), "<svg xmlns");
  EXPECT_EQ(refusal("other"), "");
  write_file(path("plot of other"), "{\"index\": 0}\n");
  EXPECT_THAT(refusal("other"), HasSubstr("is not an SVG picture"));
  for (const auto& [content, own, name] :
       {std::tuple{Outputs::Content::receipt, "{\n  \"flamboyance\": \"0.2.0\"}", "a receipt of Flamboyance"},
        std::tuple{Outputs::Content::trace, "{\"traceEvents\":[]}", "a trace of operators"}}) {
    Outputs outputs;
    outputs.add("--json", path("json"), content);
    write_file(path("json"), own);
    EXPECT_NO_THROW(outputs.keep_other_content());
    write_file(path("json"), "{\"notes\": []}");
    EXPECT_THAT(error_of([&] { outputs.keep_other_content(); }), HasSubstr(name));
  }
}

TEST_F(OutputFiles, AreNoFolders) {
  std::filesystem::create_directory(scratch_ / "folder");
  EXPECT_THAT(refusal("folder"), HasSubstr("folder' is a folder; name a file"));
  std::filesystem::create_directory(scratch_ / "any of new");
  EXPECT_THAT(refusal("new"), HasSubstr("--any"));
}

}  // namespace
}  // namespace flam
