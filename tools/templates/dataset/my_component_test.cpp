#include "framework/sdk.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

TEST(MyComponent, MakesTheSameRecordTwice) {
  const Built<Dataset> dataset("{type: my_component, size: 7, side: 8}");
  ASSERT_EQ(dataset->size(), 7);
  const Record record = dataset->at(4), again = dataset->at(4);
  ASSERT_EQ(record.request.parts.size(), 1u);
  const at::Tensor rgb = record.request.parts[0].pictures.at(0).picture->rgb;
  EXPECT_EQ(rgb.sizes(), at::IntArrayRef({8, 8, 3}));
  EXPECT_TRUE(at::equal(rgb, again.request.parts[0].pictures.at(0).picture->rgb));
  EXPECT_EQ(record.references, std::vector<std::string>{"green"});
}

TEST(MyComponent, QuestionsAndLimits) {
  const Built<Dataset> dataset("{type: my_component}", {.with_question = true, .limit = 2});
  EXPECT_EQ(dataset->size(), 2);
  EXPECT_EQ(dataset->at(0).request.parts.size(), 2u);
}

}  // namespace
}  // namespace flam
