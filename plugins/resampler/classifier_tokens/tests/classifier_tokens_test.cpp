#include <gmock/gmock.h>

#include <cmath>
#include <map>

#include "framework/component/resampler.h"
#include "framework/nn/flops.h"
#include "tests/support/component.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using testing::HasSubstr;

const ResamplerInput kSmall{{6, 2, 2, 1}, 10};  // five tokens of width 6; the first is a prefix token
const std::string kYaml = "{type: classifier_tokens, num_classes: 7";

/// The media token of one feature vector f [6] without its position, in loops.
std::vector<double> token_of(Built<Resampler>& built, const std::vector<double>& f, double scale) {
  const auto at = [&](const char* name, int64_t i, int64_t j = -1) {
    const at::Tensor row = built.weight(name).select(0, i);
    return (j < 0 ? row : row.select(0, j)).item().toDouble();
  };
  double mean = 0, variance = 0, total = 0;
  for (const double value : f) mean += value / 6;
  for (const double value : f) variance += (value - mean) * (value - mean) / 6;
  std::vector<double> probabilities(7), token(10);
  for (int64_t c = 0; c < 7; ++c) {
    double logit = at("classifier.bias", c);
    for (int64_t i = 0; i < 6; ++i) logit += at("classifier.weight", c, i) * f[i];
    total += probabilities[c] = std::exp(scale * logit);
  }
  for (int64_t d = 0; d < 10; ++d) {
    token[d] = at("proj.bias", d);
    for (int64_t i = 0; i < 6; ++i) {
      const double normal =
          (f[i] - mean) / std::sqrt(variance + 1e-5) * at("norm.weight", i) + at("norm.bias", i);
      token[d] += at("proj.weight", d, i) * normal;
    }
    for (int64_t c = 0; c < 7; ++c) token[d] += probabilities[c] / total * at("class_embedding.weight", c, d);
  }
  return token;
}

std::vector<double> row_of(const at::Tensor& features) {
  std::vector<double> out;
  for (int64_t i = 0; i < features.size(0); ++i) out.push_back(features.select(0, i).item().toDouble());
  return out;
}

void expect_token(const at::Tensor& token, const at::Tensor& position, const std::vector<double>& expected) {
  for (int64_t d = 0; d < 10; ++d) {
    EXPECT_NEAR((token.select(0, d) - position.select(0, d)).item().toDouble(), expected[d], 1e-4) << d;
  }
}

TEST(ClassifierTokens, equal_their_formula_written_out) {
  for (const double scale : {1.0, 2.5}) {
    Built<Resampler> built(kYaml + ", scale: " + std::to_string(scale) + "}", kSmall);
    built.fill_randomly();
    const at::Tensor tokens = random({2, 1, 1, 5, 6}, 1);
    const at::Tensor media = built->forward({tokens, 2, 2, 1}).select(1, 0);
    ASSERT_EQ(media.sizes(), at::IntArrayRef({2, 5, 10}));
    const at::Tensor position = built.weight("position_embedding");
    for (int64_t row = 0; row < 2; ++row) {
      const at::Tensor patches = tokens[row][0][0].narrow(0, 1, 4);
      expect_token(media[row][0], position[0], token_of(built, row_of(patches.mean(0)), scale));
      for (int64_t p = 0; p < 4; ++p)
        expect_token(media[row][p + 1], position[p + 1], token_of(built, row_of(patches[p]), scale));
    }
  }
}

TEST(ClassifierTokens, are_as_many_at_each_place_as_a_class_has_embeddings) {
  const std::vector<std::string> more = {"", ", project: false"};
  for (const std::string& rest : more) {
    Built<Resampler> three(kYaml + ", tokens_per_class: 3" + rest + "}", kSmall);
    three.fill_randomly();
    EXPECT_EQ(three->shape().tokens, 15);
    EXPECT_EQ(three->shape().width, 10);
    EXPECT_EQ(three.weight("class_embedding.weight").sizes(), at::IntArrayRef({7, 30}));
    EXPECT_EQ(three.weight("position_embedding").sizes(), at::IntArrayRef({5, 10}));
    const Features features{random({2, 1, 1, 5, 6}, 1), 2, 2, 1};
    const at::Tensor media = three->forward(features);
    ASSERT_EQ(media.sizes(), at::IntArrayRef({2, 1, 15, 10}));
    // Every part gives the tokens of a resampler that has it as its class's only embedding.
    for (int64_t part = 0; part < 3; ++part) {
      Built<Resampler> one(kYaml + rest + "}", kSmall);
      one.fill_randomly();
      for (const auto& slot : one.store.slots()) {
        const at::Tensor value = three.store.find(slot->name)->tensor;
        const bool in_parts = slot->name.ends_with("class_embedding.weight");
        slot->tensor.copy_(in_parts ? value.narrow(1, part * 10, 10) : value);
      }
      EXPECT_TRUE(near(media.slice(2, part, 15, 3), one->forward(features))) << part << rest;
    }
  }
}

TEST(ClassifierTokens, leave_the_pooled_token_out_on_request) {
  Built<Resampler> with(kYaml + "}", kSmall), without(kYaml + ", pooled: false}", kSmall);
  with.fill_randomly();
  without.fill_randomly();
  EXPECT_EQ(with->shape().tokens, 5);
  EXPECT_EQ(without->shape().tokens, 4);
  EXPECT_EQ(without->shape().width, 10);
  for (auto* built : {&with, &without}) built->weight("position_embedding").zero_();
  const Features features{random({1, 2, 1, 5, 6}, 1), 2, 2, 1};
  EXPECT_TRUE(near(with->forward(features).narrow(2, 1, 4), without->forward(features)));
}

TEST(ClassifierTokens, of_a_video_are_the_means_of_its_frames_tokens) {
  Built<Resampler> built(kYaml + "}", kSmall);
  built.fill_randomly();
  const at::Tensor tokens = random({1, 1, 2, 5, 6}, 1);
  const at::Tensor first = built->forward({tokens.narrow(2, 0, 1), 2, 2, 1});
  const at::Tensor second = built->forward({tokens.narrow(2, 1, 1), 2, 2, 1});
  EXPECT_TRUE(near(built->forward({tokens, 2, 2, 1}), (first + second) / 2));
}

class Recorder final : public Probe {
 public:
  void record(std::string_view stage, int64_t, const at::Tensor& value) override {
    stages.emplace(stage, value);
  }
  std::map<std::string, at::Tensor> stages;
};

TEST(ClassifierTokens, record_their_probabilities) {
  Built<Resampler> built(kYaml + "}", kSmall);
  built.fill_randomly();
  Recorder recorder;
  built->forward({random({1, 2, 1, 5, 6}, 1), 2, 2, 1, &recorder});
  const at::Tensor& recorded = recorder.stages.at("class_probabilities");
  EXPECT_EQ(recorded.sizes(), at::IntArrayRef({1, 2, 1, 5, 7}));
  EXPECT_TRUE(near(recorded.sum(-1), at::ones({1, 2, 1, 5})));
}

TEST(ClassifierTokens, read_the_classifier_from_a_file_of_its_backbone) {
  const std::vector<std::pair<std::string, std::string>> names = {{"efficientnet_pytorch", "_fc."},
                                                                  {"timm", "classifier."},
                                                                  {"timm", "fc."},
                                                                  {"torchvision", "fc."},
                                                                  {"torchvision", "classifier.1."}};
  for (const auto& [naming, layer] : names) {
    for (const std::string& prefix : {std::string(), layer}) {
      const test::Scratch folder;
      Built<Resampler> built(kYaml + "}", kSmall);
      std::vector<std::pair<std::string, at::Tensor>> rest,
          head = {{layer + "weight", random({7, 6}, 1)}, {layer + "bias", random({7}, 2)}};
      for (const auto& slot : built.store.slots()) {
        if (slot->name.find("classifier.") == std::string::npos)
          rest.emplace_back(slot->name, random(slot->shape, 3));
      }
      write_safetensors(folder / "head.safetensors", head);
      write_safetensors(folder / "rest.safetensors", rest);
      EXPECT_EQ(error_of([&] {
                  built.load(
                      {{(folder / "head.safetensors").string(), {{prefix, Resampler::kKind, naming}}, {}, {}},
                       {(folder / "rest.safetensors").string(), {}, {}, {}}});
                }),
                "");
      EXPECT_TRUE(near(built.weight("classifier.weight"), head[0].second)) << naming << " " << prefix;
      EXPECT_TRUE(near(built.weight("classifier.bias"), head[1].second)) << naming << " " << prefix;
    }
  }
}

TEST(ClassifierTokens, need_the_number_of_classes) {
  EXPECT_THAT(error_of([] { Built<Resampler> built("{type: classifier_tokens}", kSmall); }),
              HasSubstr("num_classes"));
}

TEST(ClassifierTokens, have_another_width_on_request) {
  Built<Resampler> built(kYaml + ", hidden_size: 12}", kSmall);
  built.fill_randomly();
  EXPECT_EQ(built->shape().width, 12);
  EXPECT_EQ(built.weight("class_embedding.weight").sizes(), at::IntArrayRef({7, 12}));
  EXPECT_EQ(built->forward({random({1, 1, 1, 5, 6}, 1), 2, 2, 1}).sizes(), at::IntArrayRef({1, 1, 5, 12}));
  EXPECT_THAT(error_of([] { Built<Resampler> wrong(kYaml + ", hidden_size: 0}", kSmall); }),
              HasSubstr("hidden_size"));
}

TEST(ClassifierTokens, are_class_embeddings_alone_without_a_projection) {
  Built<Resampler> built(kYaml + ", pooled: false, project: false}", kSmall);
  built.fill_randomly();
  EXPECT_EQ(built.store.find("resampler.proj.weight"), nullptr);
  EXPECT_EQ(built.store.find("resampler.norm.weight"), nullptr);
  const at::Tensor features = random({1, 1, 1, 5, 6}, 1);
  const at::Tensor patches = features.narrow(3, 1, 4);  // without the prefix token
  const at::Tensor probabilities =
      (patches.matmul(built.weight("classifier.weight").t()) + built.weight("classifier.bias")).softmax(-1);
  const at::Tensor expected = probabilities.matmul(built.weight("class_embedding.weight")).mean(2) +
                              built.weight("position_embedding");
  EXPECT_TRUE(built->forward({features, 2, 2, 1}).allclose(expected, 1e-5, 1e-6));
}

TEST(ClassifierTokens, run_on_meta) {
  Built<Resampler> built("{type: classifier_tokens, num_classes: 1000}", {{1280, 7, 7, 0}, 512});
  EXPECT_EQ(built.store.parameter_count(),
            2 * 1280 + 512 * 1280 + 512 + 1000 * 1280 + 1000 + 1000 * 512 + 50 * 512);
  FlopScope flops;
  const at::Tensor tokens = at::empty({1, 2, 1, 49, 1280}, at::kMeta);
  EXPECT_EQ(built->forward({tokens, 7, 7, 0}).sizes(), at::IntArrayRef({1, 2, 50, 512}));
  EXPECT_EQ(flops.flops(), int64_t{2} * 2 * 50 * (1280 * 512 + 1280 * 1000 + 1000 * 512));
}

TEST(ClassifierTokens, gradients_reach_every_weight) {
  Built<Resampler> built(kYaml + "}", kSmall);
  built.fill_randomly();
  built.want_gradients();
  built->forward({random({1, 1, 2, 5, 6}, 1), 2, 2, 1}).square().sum().backward();
  built.expect_gradients();
}

}  // namespace
}  // namespace flam
