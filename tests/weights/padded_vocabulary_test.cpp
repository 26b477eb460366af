// Loads files whose vocabulary has more rows than there are tokens.
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include "framework/base/log.h"
#include "load_fixture.h"

namespace flam {
namespace {

using test::Load;
using testing::AllOf;
using testing::HasSubstr;

class PaddedVocabulary : public Load {
 protected:
  WeightsFile rows(const std::string& name, const at::Tensor& embed) {
    auto tensors = without("model.embed.weight");
    tensors.emplace_back("model.embed.weight", embed);
    return decoder_file(file(name, tensors));
  }
};

TEST_F(PaddedVocabulary, KeepsItsRowsAfterThoseOfTheTokens) {
  const at::Tensor embed = at::cat({full({5, 4}, 4), full({59, 4}, 6)});
  testing::internal::CaptureStderr();
  set_log_level(LogLevel::debug);
  load({rows("d", embed), adapter_file()});
  set_log_level(LogLevel::info);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(
      said, AllOf(HasSubstr("debug: padding rows"), HasSubstr("language_decoder.embed (64 rows, 5 tokens)")));
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1);
  EXPECT_TRUE(at::equal(embed_.tensor(), embed));
  EXPECT_EQ(embed_.slot()->padding_rows, 59);
  EXPECT_EQ(embed_.shape(), (std::vector<int64_t>{5, 4}));
  load({rows("d", embed), adapter_file()}, at::kBFloat16);
  EXPECT_EQ(embed_.tensor().sizes(), at::IntArrayRef({64, 4}));
  EXPECT_EQ(embed_.tensor()[63][3].item<float>(), 6);
}

TEST_F(PaddedVocabulary, TheLastFileDecides) {
  load({rows("d", full({64, 4}, 4)), adapter_file(), rows("e", full({5, 4}, 5))});
  EXPECT_EQ(embed_.slot()->padding_rows, 0);
  EXPECT_TRUE(at::equal(embed_.tensor(), full({5, 4}, 5)));
}

TEST_F(PaddedVocabulary, MoreThan1024RowsAreRefused) {
  load({rows("d", full({5 + 1024, 4}, 4)), adapter_file()});
  EXPECT_THAT(
      load_error({rows("d", full({5 + 1025, 4}, 4)), adapter_file()}),
      AllOf(HasSubstr("model.embed.weight is [1030, 4] in the file, language_decoder.embed is [5, 4]"),
            HasSubstr("more than 1024 rows beyond the tokenizer's tokens are not accepted as padding")));
}

}  // namespace
}  // namespace flam
