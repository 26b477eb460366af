// How much a decode step asks of a device: kernels, allocations, waits and copied bytes, counted on the fake
// device. A change that adds some fails here, and has to raise the budget with a reason.
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include "framework/generate/generate.h"
#include "framework/session/session_parts.h"
#include "tests/fake_device/fake_device.h"

namespace flam {
namespace {

using test::FakeDeviceCounts;
using test::take_fake_device_counts;

/// The structure of flamingo_mid with narrow layers, which need as many operators as wide ones.
std::shared_ptr<Session> open_narrow(int64_t num_layers, const std::vector<std::string>& more = {}) {
  RunOptions options;
  options.device = "fake";
  options.weights = "random";
  options.overrides = {
      "model.vision_backbone.image_size=32",
      "model.vision_backbone.hidden_size=24",
      "model.vision_backbone.num_layers=1",
      "model.vision_backbone.num_heads=2",
      "model.vision_backbone.intermediate_size=24",
      "transforms=[{type: resize_edge, edge: 32}, {type: center_crop, size: 32}, "
      "{type: normalize, mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5]}]",
      "model.resampler={type: perceiver, depth: 1, num_latents: 4, num_heads: 2, dim_head: 4}",
      "model.adapter.num_heads=2",
      "model.adapter.dim_head=4",
      "model.language_decoder.hidden_size=32",
      "model.language_decoder.num_heads=4",
      "model.language_decoder.num_key_value_heads=4",
      "model.language_decoder.intermediate_size=40",
      "model.language_decoder.vocab_size=300",
      "model.tokenizer.vocab_size=300",
      "model.language_decoder.num_layers=" + std::to_string(num_layers)};
  options.overrides.insert(options.overrides.end(), more.begin(), more.end());
  return Session::open("flamingo_mid", options);
}

Prepared two_prompts(const Session& session) {
  std::vector<Prompt> prompts;
  for (const char* text : {"<image>Output:", "<image>Output:a longer prompt"}) {
    PictureSource source;
    source.picture = Picture{at::zeros({32, 32, 3}, at::kByte)};
    Prompt prompt{template_text(text), {}};
    prompt.media.push_back({Part::Kind::image, "", {source}});
    prompts.push_back(std::move(prompt));
  }
  Prepared prepared = session.parts().prepare(prompts);
  session.parts().encode_media(prepared);
  return prepared;
}

FakeDeviceCounts difference(FakeDeviceCounts more, const FakeDeviceCounts& less) {
  more.operators -= less.operators;
  more.allocations -= less.allocations;
  more.allocated_bytes -= less.allocated_bytes;
  more.synchronisations -= less.synchronisations;
  more.copied_bytes -= less.copied_bytes;
  for (const auto& [name, count] : less.by_operator) more.by_operator[name] -= count;
  std::erase_if(more.by_operator, [](const auto& entry) { return entry.second == 0; });
  return more;
}

/// The counts of one step of a generation, with the choice of its ids.
FakeDeviceCounts counts_of_a_step(const Session& session, int64_t beams) {
  const c10::InferenceMode inference;
  const Prepared prepared = two_prompts(session);
  GenerationParams params;
  params.num_beams = beams;
  const auto counts_with = [&](int64_t new_tokens) {
    params.max_new_tokens = new_tokens;
    params.stop_tokens.clear();
    GenerateInput input;
    input.prompts = prepared.rows;
    const auto steps = session.parts().start(prepared, beams, /*max_new_tokens=*/16);
    take_fake_device_counts();
    generate(*steps, input, params);
    return take_fake_device_counts();
  };
  counts_with(2);
  const FakeDeviceCounts shorter = counts_with(6);
  return difference(counts_with(7), shorter);
}

/// One case of ADecodeStep.
struct Budget {
  const char* name;
  int64_t num_layers;
  const char* cached_tokens_see;
  int64_t beams;
  const char* dtype;
  int64_t operators, allocations, synchronisations, copied_bytes;
};

void PrintTo(const Budget& budget, std::ostream* out) {
  *out << budget.name;
}

class ADecodeStep : public testing::TestWithParam<Budget> {};

TEST_P(ADecodeStep, StaysWithinItsBudget) {
  const Budget& budget = GetParam();
  const auto session = open_narrow(
      budget.num_layers, {std::string("model.adapter.cached_tokens_see=") + budget.cached_tokens_see,
                          std::string("dtype=") + budget.dtype});
  const FakeDeviceCounts counts = counts_of_a_step(*session, budget.beams);
  const std::string all = counts.describe();
  EXPECT_LE(counts.operators, budget.operators) << all;
  EXPECT_LE(counts.allocations, budget.allocations) << all;
  EXPECT_LE(counts.synchronisations, budget.synchronisations) << all;
  EXPECT_LE(counts.copied_bytes, budget.copied_bytes) << all;
  EXPECT_GE(counts.operators, budget.operators * 9 / 10) << "the budget can be lowered to this count";
}

// 24 layers: flamingo_mid; 32: OpenFlamingo 9B.
INSTANTIATE_TEST_SUITE_P(Budgets, ADecodeStep,
                         testing::Values(Budget{"mid_greedy", 24, "nothing", 1, "float32", 397, 267, 1, 48},
                                         Budget{"mid_beams", 24, "nothing", 3, "float32", 689, 561, 1, 408},
                                         Budget{"9B_greedy", 32, "nothing", 1, "bfloat16", 526, 352, 1, 48},
                                         Budget{"9B_greedy_sees_last", 32, "last", 1, "bfloat16", 638, 456, 1,
                                                48}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(AReorder, StaysWithinItsBudget) {
  const auto session = open_narrow(32);
  const c10::InferenceMode inference;
  const Prepared prepared = two_prompts(*session);
  const auto steps = session->parts().start(prepared, 3, 4);
  steps->prefill();
  steps->step(at::zeros({6}, at::kLong));
  take_fake_device_counts();
  steps->reorder(at::zeros({6}, at::kLong));
  const FakeDeviceCounts counts = take_fake_device_counts();
  EXPECT_LE(counts.operators, 2) << counts.describe();
  EXPECT_LE(counts.allocations, 2) << counts.describe();
}

}  // namespace
}  // namespace flam
