#include "framework/model/memory_need.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <array>

#include "framework/base/text.h"
#include "framework/device/dtype.h"
#include "framework/device/free_memory.h"
#include "framework/device/meta_memory.h"
#include "framework/model/laid_out.h"

namespace flam {

namespace {

// As a session loads and encodes pictures (framework/session/batch_loader.cpp).
constexpr int64_t kLoadedAhead = 16;      // pictures
constexpr int64_t kEncodedTogether = 32;  // crops, rounded up to whole pictures

/// What libtorch keeps of a run besides tensors: code that is first read then, and packed matrices.
constexpr int64_t kBuffers = 32'000'000;

/// Without what the system can take back, and what the process has already.
int64_t to_allocate(const MemoryNeed& need, at::Device device) {
  return device.is_cpu() ? need.resident() - need.weights.mapped - need.program : need.on_device();
}

/// The weights as meta tensors of a dtype, while it exists.
class InDtype {
 public:
  InDtype(Model& model, at::ScalarType dtype) : model_(model), before_(model.dtype()) { set(dtype); }
  ~InDtype() { set(before_); }
  InDtype(const InDtype&) = delete;
  InDtype& operator=(const InDtype&) = delete;

 private:
  void set(at::ScalarType dtype) {
    for (const auto& slot : model_.weights().slots())
      slot->tensor = at::empty(slot->tensor_shape(), at::device(at::kMeta).dtype(dtype));
    model_.place(at::kMeta, dtype);
  }
  Model& model_;
  at::ScalarType before_;
};

/// Runs the stages of a batch on the meta device.
class Stages {
 public:
  Stages(const Model& model, const RunSize& size, const MediaPlan& plan, MemoryNeed& need)
      : model_(model), size_(size), plan_(plan), need_(need), live_(tensors_of(model)) {}

  void run() {
    const at::Tensor media = encode();
    const int64_t crops = model_.media_layout().media_count(plan_);  // markers of one picture
    const int64_t length = size_.prompt_tokens + size_.images * (crops - 1);
    const at::Tensor ids =
        at::where(at::arange(length, at::kLong) < size_.images * crops, model_.image_token_id(), 0);
    const Batch batch{ids.expand({size_.batch_size, length}), at::ones({size_.batch_size, length}, at::kBool),
                      media};
    if (media.defined()) {
      const int64_t before = live_.current();
      const auto state = model_.adapter().prepare(media);
      need_.media_keys_values = live_.current() - before;
    }
    live_.restart_peak();
    const auto steps = model_.start(batch, size_.num_beams, size_.new_tokens);
    at::Tensor logits = steps->prefill();
    end_stage("prefill");
    const int64_t inserted = media.defined() ? model_.inserted_positions() * size_.images * crops : 0;
    need_.kv_cache = kv_cache_bytes(model_.language_decoder().cache_layout(), model_.dtype(),
                                    size_.batch_size, length + inserted, size_.num_beams, size_.new_tokens);
    if (size_.new_tokens == 0) return;
    logits.reset();
    live_.restart_peak();
    logits = steps->step(at::zeros({size_.batch_size * size_.num_beams}, at::kLong));
    if (size_.num_beams > 1) copy_tails();
    end_stage("decode_step");
  }

 private:
  static std::vector<at::Tensor> tensors_of(const Model& model) {
    std::vector<at::Tensor> tensors;
    for (const auto& slot : model.weights().slots()) tensors.push_back(slot->tensor);
    return tensors;
  }

  /// The last time that the beams are reordered, the generated keys and values are copied.
  void copy_tails() {
    const int64_t tails = kv_cache_bytes(model_.language_decoder().cache_layout(), model_.dtype(),
                                         size_.batch_size, 0, size_.num_beams, size_.new_tokens - 1);
    const at::Tensor copy = at::empty({tails}, at::device(at::kMeta).dtype(at::kByte));
  }

  /// The features are kept in two copies: those of each picture, and those of the batch.
  void end_stage(const char* name, int64_t host = 0) {
    need_.stages.push_back({name, live_.peak() + features_, host});
  }

  /// Media tokens [B,T,L,D'] of all pictures; undefined if there are none.
  at::Tensor encode() {
    const int64_t pictures = size_.batch_size * size_.images;
    if (pictures == 0) return {};
    const MediaLayout& layout = model_.media_layout();
    const auto meta = at::TensorOptions().device(at::kMeta);
    const int64_t edge = model_.vision_backbone().image_size(),
                  crops = layout.tile_slots() > 1 ? layout.tile_slots() : plan_.crops,
                  together = std::min(pictures, (kEncodedTogether + crops - 1) / crops);
    const int64_t of_picture = crops * 3 * edge * edge * static_cast<int64_t>(sizeof(float));
    const std::vector<MediaPlan> plans(static_cast<size_t>(together), plan_);
    Features features;
    {
      const VisionInput input =
          vision_input(at::empty({together * crops, 3, edge, edge}, meta.dtype(at::kFloat)), plans, layout,
                       model_.vision_backbone().shape());
      features = model_.encode_images(input);
    }
    const int64_t ahead = std::min(pictures - together, kLoadedAhead);
    const FeatureShape shape = model_.vision_backbone().shape();
    const int64_t one = shape.tokens() * shape.width * static_cast<int64_t>(c10::elementSize(model_.dtype()));
    features_ = pictures * crops * one;
    end_stage("vision", (together + ahead) * of_picture);
    features_ *= 2;
    features.tokens = at::empty({pictures * crops, shape.tokens(), shape.width}, meta.dtype(model_.dtype()));
    const at::Tensor index =
        at::arange(pictures * crops, at::kLong).view({size_.batch_size, size_.images * crops, 1});
    live_.restart_peak();
    at::Tensor media = model_.resample(features, index);
    end_stage("resampler");
    return media;
  }

  const Model& model_;
  const RunSize& size_;
  const MediaPlan& plan_;
  MemoryNeed& need_;
  int64_t features_ = 0;
  MetaMemory live_;
};

}  // namespace

NamingLookup namings_of(const Model& model) {
  return [&model](const std::string& slot) {
    constexpr std::array kSlots = {"vision_backbone", "resampler", "adapter", "language_decoder"};
    return std::ranges::find(kSlots, slot) == kSlots.end() ? nullptr : &model.naming_tables(slot);
  };
}

const MemoryNeed::Stage& MemoryNeed::largest_stage() const {
  return *std::ranges::max_element(stages, {}, [](const Stage& stage) { return stage.bytes + stage.host; });
}

int64_t MemoryNeed::resident() const {
  return weights.allocated + weights.mapped + program + largest_stage().bytes + largest_stage().host;
}

int64_t MemoryNeed::on_device() const {
  int64_t most = 0;
  for (const Stage& stage : stages) most = std::max(most, stage.bytes);
  return weights_on_device + most;
}

int64_t kv_cache_bytes(const CacheLayout& layout, at::ScalarType dtype, int64_t prompts, int64_t positions,
                       int64_t beams, int64_t new_tokens) {
  return layout.num_layers * 2 * layout.num_key_value_heads * layout.head_dim *
         (prompts * positions + prompts * beams * new_tokens) * static_cast<int64_t>(c10::elementSize(dtype));
}

WeightMemory weight_memory(const Model& model, const WeightsConfig* files, at::Device device,
                           at::ScalarType dtype) {
  return memory_of_weights(model.weights(), files, namings_of(model), device, dtype);
}

MediaPlan largest_plan(const MediaLayout& layout) {
  MediaPlan plan;
  plan.crops = layout.max_crops();
  return plan;
}

MemoryNeed memory_need(Model& model, const WeightsConfig* files, at::ScalarType dtype, const RunSize& size,
                       const MediaPlan& plan) {
  if (size.prompt_tokens < size.images) {
    throw Error(cat("a prompt of ", size.prompt_tokens, " tokens has no room for ", size.images,
                    " pictures, each of which one of them stands for; give more with --prompt-tokens"));
  }
  const c10::InferenceMode inference;
  MemoryNeed need;
  need.weights = weight_memory(model, files, at::kCPU, dtype);
  need.weights_on_device = weight_memory(model, files, at::kCUDA, dtype).allocated;
  const InDtype in_dtype(model, dtype);
  Stages(model, size, plan, need).run();
  need.program = resident_memory() + kBuffers;
  return need;
}

void require_memory(const Model& model, const WeightsConfig* files, at::Device device, at::ScalarType dtype,
                    int64_t more, const char* what_more) {
  require_memory_for_weights(model.weights(), files, namings_of(model), device, dtype, more, what_more);
}

bool fits(const MemoryNeed& need, at::Device device) {
  const int64_t bytes = to_allocate(need, device);
  return bytes - bytes / 10 <= allocatable_memory(device);
}

void require_memory(const MemoryNeed& need, const RunSize& size, at::Device device, at::ScalarType dtype) {
  const int64_t room = allocatable_memory(device);
  const int64_t beside = to_allocate(need, device);
  if (fits(need, device)) return;
  const int64_t of_batch = beside - need.weights.allocated;
  const int64_t left = room - need.weights.allocated, of_prompt = of_batch / size.batch_size;
  std::string advice;
  if (size.batch_size > 1 && of_prompt <= left) advice += cat("--batch-size ", left / of_prompt, ", ");
  if (c10::elementSize(dtype) > 2) advice += "--dtype bfloat16, ";
  if (need.kv_cache > of_batch / 2) advice += "fewer new tokens or beams, ";
  throw Error(cat("the run needs ", bytes_text(beside), " of memory in ", dtype_name(dtype), ": ",
                  bytes_text(need.weights.allocated), " for weights, ", bytes_text(need.kv_cache),
                  " for the keys and values of ", counted(size.batch_size, "prompt"), " with ",
                  counted(size.num_beams, "beam"), ", ", bytes_text(of_batch - need.kv_cache),
                  " for what is computed; but only ", bytes_text(room), " can be had on ", device.str(),
                  "; use ", advice, "or a device with more memory"));
}

}  // namespace flam
