// What is predicted of a run's memory equals what the program allocates, and a run that does not fit is
// refused.
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>

#include "framework/base/file.h"
#include "framework/commands/bench/bench.h"
#include "framework/commands/describe/describe_memory.h"
#include "framework/device/free_memory.h"
#include "framework/device/meta_memory.h"
#include "framework/nn/kv_cache.h"
#include "framework/session/session_parts.h"
#include "tests/support/requests.h"

namespace flam {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kScene = FLAM_SOURCE_DIR "/docs/images/scene.png";

/// While it exists, the process can have little more address space than it has.
class AddressSpace {
 public:
  explicit AddressSpace(int64_t more) {
    getrlimit(RLIMIT_AS, &before_);
    std::ifstream in("/proc/self/statm");
    int64_t pages = 0;
    in >> pages;
    rlimit limit = before_;
    limit.rlim_cur = static_cast<rlim_t>(pages * sysconf(_SC_PAGESIZE) + more);
    setrlimit(RLIMIT_AS, &limit);
  }
  ~AddressSpace() { setrlimit(RLIMIT_AS, &before_); }
  AddressSpace(const AddressSpace&) = delete;
  AddressSpace& operator=(const AddressSpace&) = delete;

 private:
  rlimit before_{};
};

/// The bytes of the weights that do not lie in a file.
int64_t allocated_bytes(const WeightStore& weights) {
  int64_t bytes = 0;
  for (const auto& slot : weights.slots()) {
    const auto* const data = static_cast<const std::byte*>(slot->tensor.const_data_ptr());
    const bool in_file = std::ranges::any_of(slot->origins, [&](const WeightOrigin& origin) {
      const auto all = origin.file->bytes();
      return data >= reinterpret_cast<const std::byte*>(all.data()) &&
             data < reinterpret_cast<const std::byte*>(all.data() + all.size());
    });
    if (!in_file) bytes += static_cast<int64_t>(slot->tensor.nbytes());
  }
  return bytes;
}

TEST(MetaMemory, FollowsTensorsThatExistAtTheSameTime) {
  const at::TensorOptions meta = at::device(at::kMeta).dtype(at::kFloat);
  const at::Tensor known = at::empty({100}, meta);
  const MetaMemory memory({known});
  {
    const at::Tensor sum = known + known;  // 400 bytes
    const at::Tensor view = sum.narrow(0, 0, 10);
    EXPECT_EQ(memory.current(), 400);
    { const at::Tensor doubled = sum.to(at::kDouble); }
    EXPECT_EQ(memory.current(), 400);
    EXPECT_EQ(memory.peak(), 1200);
  }
  EXPECT_EQ(memory.current(), 0);
}

TEST(MemoryNeed, CountsTheKeysAndValuesThatACacheAllocates) {
  const CacheLayout layout{.num_layers = 3, .num_key_value_heads = 2, .head_dim = 8};
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (const int64_t beams : {1, 4}) {
      const MetaMemory memory({});
      const KVCache cache(layout, 5, 11, beams, 7, at::device(at::kMeta).dtype(dtype));
      EXPECT_EQ(kv_cache_bytes(layout, dtype, 5, 11, beams, 7), memory.current()) << beams;
    }
  }
}

// The file is float32, so only a run in float32 uses it as it is.
TEST(MemoryNeed, CountsTheWeightsThatLoadingAllocates) {
  for (const char* config_name : {"flamingo_mini_caption", "flamingo_photo_caption", "flamingo_mini_vqa"}) {
    const auto registry = open_registry({});
    const RunConfig config = RunConfig::load(config_name, {}, *registry);
    for (const char* dtype : {"float32", "bfloat16", "float16"}) {
      for (const char* weights : {"", "random"}) {
        SCOPED_TRACE(testing::Message() << config_name << " " << dtype << " " << weights);
        MemoryOptions asked;
        asked.dtype = dtype;
        asked.weights = weights;
        const WeightMemory predicted = describe_memory(config, *registry, asked).need.weights;
        RunOptions options;
        options.dtype = dtype;
        options.weights = weights;
        const auto session = Session::open(config_name, options);
        EXPECT_EQ(predicted.allocated, allocated_bytes(session->model().weights()));
      }
    }
  }
}

TEST(MemoryNeed, GrowsWithTheRun) {
  const auto registry = open_registry({});
  const RunConfig config = RunConfig::load("flamingo_mini_caption", {}, *registry);
  const auto need = [&](MemoryOptions options) { return describe_memory(config, *registry, options).need; };
  MemoryOptions one;
  one.new_tokens = 10;
  const MemoryNeed small = need(one);
  EXPECT_EQ(small.stages.size(), 4u);
  EXPECT_GT(small.program, 0);
  MemoryOptions more = one;
  more.batch_size = 3;
  EXPECT_EQ(need(more).kv_cache, 3 * small.kv_cache);
  EXPECT_EQ(need(more).media_keys_values, 3 * small.media_keys_values);
  EXPECT_GT(need(more).resident(), small.resident());
  more = one;
  more.dtype = "bfloat16";
  EXPECT_EQ(2 * need(more).kv_cache, small.kv_cache);
  more = one;
  more.images = 0;
  EXPECT_EQ(need(more).media_keys_values, 0);
  more = one;
  more.images = 2;
  EXPECT_EQ(need(more).media_keys_values, 2 * small.media_keys_values);
  more.prompt_tokens = 1;
  EXPECT_THAT(error_of([&] { need(more); }), HasSubstr("no room for 2 pictures"));
}

// A config may name files of another structure than its own, since describing needs no weights.
TEST(MemoryNeed, OfAChangedModelIsThatOfRandomWeights) {
  const auto registry = open_registry({});
  const RunConfig config =
      RunConfig::load("flamingo_mini_caption", {"model.resampler.num_latents=16"}, *registry);
  const MemoryDescription described = describe_memory(config, *registry, {});
  EXPECT_FALSE(described.from_files);
  EXPECT_GT(described.need.weights.allocated, 0);
  const RunConfig without_files = RunConfig::load("smolvlm_256m_instruct", {}, *registry);
  EXPECT_GT(describe_memory(without_files, *registry, {}).need.weights.allocated, 0);
  MemoryOptions chosen;
  chosen.weights = FLAM_SOURCE_DIR "/configs/flamingo_mini/flamingo_mini.safetensors";
  EXPECT_THAT(error_of([&] { describe_memory(config, *registry, chosen); }), HasSubstr("resampler.latents"));
}

// Many rows are resampled a limited number at a time, so only the result grows with them.
TEST(MemoryNeed, OfTheResamplerIsBounded) {
  const auto registry = open_registry({});
  const auto model =
      Model::assemble(RunConfig::load("flamingo_mini_caption", {}, *registry).model, *registry);
  const c10::InferenceMode inference;
  const FeatureShape shape = model->vision_backbone().shape();
  const auto beside_result = [&](int64_t rows) {
    Features features{at::empty({rows, shape.tokens(), shape.width}, at::device(at::kMeta).dtype(at::kFloat)),
                      shape.grid_h, shape.grid_w, shape.prefix_tokens};
    const MetaMemory memory({features.tokens});
    const at::Tensor media = model->resample(features, at::arange(rows, at::kLong).view({rows, 1, 1}));
    EXPECT_EQ(media.size(0), rows);
    return memory.peak() - 2 * static_cast<int64_t>(media.nbytes());  // the parts, and all together
  };
  const int64_t of_one_part = beside_result(32);
  EXPECT_LE(beside_result(320), 2 * of_one_part);
}

TEST(MemoryNeed, WeightsThatDoNotFitAreRefusedBeforeLoading) {
  const AddressSpace limit(int64_t{3} << 29);  // 1.6 GB
  RunOptions options;
  options.weights = "random";
  int64_t loaded = 0;
  options.loading = [&](int64_t, int64_t) { ++loaded; };
  EXPECT_THAT(error_of([&] { Session::open("flamingo_mid", options); }),
              AllOf(HasSubstr("the weights need 2.2 GB of memory in float32, but only 1."),
                    HasSubstr("--dtype bfloat16 would fit, with 1.1 GB")));
  EXPECT_EQ(loaded, 0);
}

TEST(MemoryNeed, ABenchmarkThatDoesNotFitIsRefusedBeforeLoading) {
  const AddressSpace limit(int64_t{1} << 30);
  BenchOptions options;
  options.config = "flamingo_mini_caption";
  options.session.weights = "random";
  options.shape.batch_size = 4096;
  options.shape.num_beams = 64;
  EXPECT_THAT(error_of([&] { bench(options); }),
              AllOf(HasSubstr("of memory in float32"), HasSubstr("4096 prompts with 64 beams"),
                    HasSubstr("use --batch-size ")));
}

TEST(MemoryNeed, ABatchThatDoesNotFitIsAnsweredInParts) {
  RunOptions options;
  options.overrides = {"generation.max_new_tokens=200", "generation.num_beams=8"};
  options.threads = 1;
  const auto session = Session::open("flamingo_mini_caption", options);
  const Request request{{image_part(kScene)}};
  const Outcome alone = session->answer(std::span(&request, 1)).front();
  const std::vector<Request> requests(12, request);
  testing::internal::CaptureStderr();
  std::vector<Outcome> outcomes;
  {
    const AddressSpace limit(int64_t{64} << 20);
    outcomes = session->answer(requests);
  }
  const std::string log = testing::internal::GetCapturedStderr();
  ASSERT_EQ(outcomes.size(), 12u);
  for (const Outcome& outcome : outcomes) {
    EXPECT_EQ(outcome.error.value_or(""), "");
    EXPECT_EQ(outcome.answer, alone.answer);
  }
  EXPECT_THAT(log, HasSubstr("a smaller --batch-size"));
  EXPECT_EQ(log.find("--batch-size"), log.rfind("--batch-size")) << "one warning";
}

}  // namespace
}  // namespace flam
