#include "framework/sdk.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

TEST(MyComponent, TurnsAPicture) {
  const at::Tensor picture = at::arange(24, at::kByte).view({2, 4, 3});
  const Built<Transform> mirror("{type: my_component}");
  const at::Tensor turned = mirror->apply({picture}).data;
  EXPECT_EQ(turned.sizes(), picture.sizes());
  EXPECT_TRUE(at::equal(turned.select(1, 0), picture.select(1, 3)));
  const Built<Transform> flip("{type: my_component, vertical: true}");
  EXPECT_TRUE(at::equal(flip->apply({picture}).data[0], picture[1]));
}

TEST(MyComponent, TakesPicturesOnly) {
  const Built<Transform> mirror("{type: my_component}");
  EXPECT_THROW(mirror->apply({at::zeros({3, 4, 4})}), Error);
}

}  // namespace
}  // namespace flam
