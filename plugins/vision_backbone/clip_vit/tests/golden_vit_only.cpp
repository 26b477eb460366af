// Loads one model from files with three sets of tensor names, and compares it with the reference's tokens.
#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/component/vision_backbone.h"
#include "tests/support/component.h"

namespace flam {
namespace {

/// Hugging Face's config of the model as parameters of clip_vit, with the class token in the output.
std::string params_of(const std::filesystem::path& config_file) {
  const Value config = parse_yaml(read_file(config_file, 1 << 20), config_file.string());
  const auto number = [&](const char* key) { return config.find(key)->as_int(); };
  return cat("{type: clip_vit, output_class_token: true, image_size: ", number("image_size"),
             ", patch_size: ", number("patch_size"), ", hidden_size: ", number("hidden_size"),
             ", num_layers: ", number("num_hidden_layers"), ", num_heads: ", number("num_attention_heads"),
             ", intermediate_size: ", number("intermediate_size"),
             ", activation: ", config.find("hidden_act")->as_string(),
             ", layer_norm_eps: ", config.find("layer_norm_eps")->as_double(), "}");
}

TEST(Golden, vit_only) {
  const std::filesystem::path dir = golden_dir() / "v1_tiny";
  int cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("vit_only") || entry.path().extension() != ".safetensors") continue;
    const auto dump = open_checkpoint(entry.path());
    struct Naming {
      const char *file, *prefix, *name;
    };
    for (const Naming& naming : {Naming{"clip_vit_mmpretrain.pth", "backbone.", "mmpretrain"},
                                 Naming{"clip_vit_openai.pt", "visual.", "openai"},
                                 Naming{"clip_vit_openai.pt", "visual.", "open_clip"},
                                 Naming{"clip_vit_hf", "vision_model.", "huggingface"}}) {
      Built<VisionBackbone> vit(params_of(dir / "clip_vit_hf" / "config.json"));
      vit.load(
          {{(dir / naming.file).string(), {{naming.prefix, VisionBackbone::kKind, naming.name}}, {}, {}}});
      EXPECT_TRUE(near(vit->forward(dump->tensor("images")).tokens, dump->tensor("tokens_with_cls"),
                       kGoldenTolerance))
          << name << ", " << naming.file << " as " << naming.name;
    }
    ++cases;
  }
  EXPECT_GT(cases, 0) << "no vit_only*.safetensors in " << dir;
}

}  // namespace
}  // namespace flam
