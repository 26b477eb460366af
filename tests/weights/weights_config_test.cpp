#include <gmock/gmock.h>

#include "fixtures.h"
#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/weights/load.h"

namespace flam {
namespace {

using testing::HasSubstr;

constexpr char kConfig[] = R"(root: models
files:
  - path: a.pth
    layout:
      - {prefix: "lang.", slot: language_decoder, naming: huggingface}
      - {slot: adapter}
    ignore: ["*.inv_freq"]
  - path: b
)";

TEST(WeightsConfig, ParsesAndPrintsWhatItParsed) {
  ErrorList errors;
  const Value node = parse_yaml(kConfig, "/somewhere/c.yaml");
  const WeightsConfig config = WeightsConfig::parse(node, errors);
  errors.throw_if_any();
  EXPECT_EQ(config.root, "/somewhere/models");
  ASSERT_EQ(config.files.size(), 2u);
  EXPECT_EQ(config.files[0].layout[0].naming, "huggingface");
  EXPECT_EQ(config.files[0].layout[1].prefix, "");
  EXPECT_EQ(config.files[0].ignore, std::vector<std::string>{"*.inv_freq"});
  EXPECT_EQ(config.files[1].where.line, 8);

  const WeightsConfig again = WeightsConfig::parse(config.resolved(), errors);
  errors.throw_if_any();
  EXPECT_EQ(config.resolved(), again.resolved());
}

TEST(WeightsConfig, TheRootIsTheFolderOfTheConfigByDefault) {
  ErrorList errors;
  const WeightsConfig config = WeightsConfig::parse(parse_yaml("files: [{path: a}]", "/x/c.yaml"), errors);
  EXPECT_EQ(std::filesystem::path(config.root) / "", "/x/");
}

TEST(WeightsConfig, NoFilesAreNamed) {
  for (const char* nothing : {"files:\n", "files: []\n", ""}) {
    ErrorList errors;
    EXPECT_TRUE(WeightsConfig::parse(parse_yaml(nothing, "/x/c.yaml"), errors).files.empty());
    errors.throw_if_any();
  }
  ErrorList errors;
  WeightsConfig::parse(parse_yaml("weights.pth", "c.yaml"), errors);
  EXPECT_THAT(join(errors.messages(), "\n"),
              HasSubstr("weights: the parameters must be a map, found the text"));
}

TEST(WeightsConfig, ReportsEveryErrorAtOnce) {
  ErrorList errors;
  WeightsConfig::parse(parse_yaml(R"(rooot: x
files:
  - {pth: a}
  - {path: a, layout: {prefix: x}}
  - {path: a, layout: [{prefix: x, sloot: adapter}]}
)",
                                  "c.yaml"),
                       errors);
  const std::string all = join(errors.messages(), "\n");
  EXPECT_THAT(all, HasSubstr("c.yaml:1:1: "));
  EXPECT_THAT(all, HasSubstr("did you mean 'root'?"));
  EXPECT_THAT(all, HasSubstr("did you mean 'path'?"));
  EXPECT_THAT(all, HasSubstr("layout is a map, expected a list"));
  EXPECT_THAT(all, HasSubstr("did you mean 'slot'?"));
}

}  // namespace
}  // namespace flam
