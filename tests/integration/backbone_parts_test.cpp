// The shipped parts of configs/_base_/vision_backbones: they build, accept the pixels of their transforms,
// and have the right numbers of parameters.
#include "framework/component/vision_backbone.h"
#include "framework/config/config.h"
#include "framework/model/transform_chain.h"
#include "tests/support/component.h"

namespace flam {
namespace {

TEST(BackboneParts, BuildAndAcceptTheirOwnPixels) {
  int parts = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(FLAM_SOURCE_DIR "/configs/_base_/vision_backbones")) {
    SCOPED_TRACE(entry.path().filename().string());
    const Value config = load_config(entry.path());
    const Value& part = *config.find("model")->find("vision_backbone");
    const Built<VisionBackbone> backbone(write_yaml(part));
    EXPECT_EQ(backbone.store.parameter_count(),
              config.find("meta")->find("backbone")->find("parameters")->as_int());

    ErrorList errors;
    const ComponentConfig backbone_config = built_plugins().parse(VisionBackbone::kKind, part, errors);
    std::vector<ComponentConfig> transforms;
    for (const Value& transform : config.find("transforms")->as_list())
      transforms.push_back(built_plugins().parse(Transform::kKind, transform, errors));
    errors.throw_if_any();
    const TransformChain chain(transforms, built_plugins());
    const Built<MediaLayout> layout("{type: single}", {"<image>", backbone->image_size()});
    EXPECT_NO_THROW(chain.check_output(*layout, backbone->image_size(), backbone_config));
    ++parts;
  }
  EXPECT_GE(parts, 6);
}

}  // namespace
}  // namespace flam
