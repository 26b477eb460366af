// Which image each token sees, prompt and cached steps, against the reference's text_time, mask and attention
// mass.
#include <ATen/ops/full.h>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/model/visibility.h"
#include "tests/support/component.h"

namespace flam {
namespace {

constexpr int64_t kTokens = 4;

/// An adapter whose output is the attention mass on each image: a media token's value is its image's unit
/// vector, heads are averaged, the feed-forward's gate is closed.
class MassMeter {
 public:
  MassMeter(int64_t images, const std::string& text_sees)
      : images_(images),
        adapter_(cat("{type: gated_cross_attention, cross_attn_every_n_layers: 1, num_heads: 2, dim_head: ",
                     images, ", text_sees: ", text_sees, ", cached_tokens_see: nothing}"),
                 AdapterInput{{kTokens, images}, images, 1}) {
    adapter_.fill_randomly();
    at::Tensor values = adapter_.weight("layers.0.attn.to_kv.weight").narrow(0, 2 * images, 2 * images);
    values.copy_(at::eye(images).repeat({2, 1}));
    adapter_.weight("layers.0.attn.to_out.weight").copy_(at::eye(images).repeat({1, 2}) / 2);
    adapter_.weight("layers.0.attn_gate").fill_(1);
    adapter_.weight("layers.0.ff_gate").fill_(0);
    state_ = adapter_->prepare(at::eye(images).view({1, images, 1, images}).repeat({1, 1, kTokens, 1}));
  }

  MediaCount media() const { return {images_, kTokens}; }
  MaskingRule rule() const { return adapter_->masking_rule(); }

  at::Tensor mass(const Visibility& visibility) const {
    const at::Tensor hidden = random({1, visibility.text_time.size(1), images_}, 7);
    return (adapter_->before_layer(0, hidden, visibility, *state_) - hidden) / std::tanh(1.0);
  }

 private:
  int64_t images_;
  Built<Adapter> adapter_;
  std::unique_ptr<AdapterState> state_;
};

Value read_json(const std::filesystem::path& path) {
  return parse_yaml(read_file(path, 64 << 20), path.string());
}

at::Tensor image_positions(const Value::List& ids, size_t first, size_t count, int64_t image_token) {
  at::Tensor out = at::zeros({1, static_cast<int64_t>(count)}, at::kBool);
  for (size_t i = 0; i < count; ++i) out[0][i].fill_(ids.at(first + i).as_int() == image_token);
  return out;
}

TEST(Golden, media_masks) {
  const std::filesystem::path dir = golden_dir() / "v1_tiny";
  const Value index = read_json(dir / "media_masks.json");
  const auto dump = open_checkpoint(dir / "media_masks.safetensors");
  const int64_t image_token = read_json(dir / "model.json").find("tokens")->find("<image>")->as_int();
  ASSERT_FALSE(index.as_list().empty()) << "no case in " << dir;
  for (const Value& one : index.as_list()) {
    const std::string key = one.find("key")->as_string();
    const bool following = key.ends_with("attend_following");
    ASSERT_TRUE(following || key.ends_with("attend_previous")) << key;
    const MassMeter meter(one.find("n_images")->as_int(), following ? "next" : "last");
    const auto& prompt = one.find("input_ids")->as_list();
    const auto& generated = one.find("generated")->as_list();
    const auto& all_zero = one.find("cross_attention_output_all_zero_per_step")->as_list();
    for (size_t step = 0; step < all_zero.size(); ++step) {
      const std::string at_step = cat(key, ".step", step);
      SCOPED_TRACE(at_step);
      Visibility visibility;
      if (step == 0) {
        visibility = prompt_visibility(meter.rule(), image_positions(prompt, 0, prompt.size(), image_token),
                                       meter.media());
      } else {
        visibility =
            cached_visibility(meter.rule(), image_positions(generated, step - 1, 1, image_token),
                              at::full({1, 1}, one.find("n_images")->as_int(), at::kLong), meter.media());
      }
      const at::Tensor mass = meter.mass(visibility);
      EXPECT_EQ(mass.eq(0).all().item<bool>(), all_zero[step].as_bool());
      const auto& names = dump->names();
      if (std::find(names.begin(), names.end(), at_step + ".text_time") == names.end()) continue;
      EXPECT_TRUE(at::equal(visibility.text_time, dump->tensor(at_step + ".text_time")));
      EXPECT_TRUE(near(mass, dump->tensor(at_step + ".attn_mass_per_image")));
      const at::Tensor image = at::arange(1, mass.size(2) + 1, at::kLong);
      EXPECT_TRUE(at::equal(visibility.text_time.unsqueeze(-1).eq(image),
                            dump->tensor(at_step + ".text_to_media_mask").to(at::kBool)));
    }
  }
}

}  // namespace
}  // namespace flam
