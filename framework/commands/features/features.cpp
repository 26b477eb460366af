#include "framework/commands/features/features.h"

#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <c10/core/InferenceMode.h>

#include "framework/base/file.h"
#include "framework/base/interrupted.h"
#include "framework/base/text.h"
#include "framework/commands/features/backbone_weights.h"
#include "framework/config/config.h"
#include "framework/device/device.h"
#include "framework/device/device_memory.h"
#include "framework/device/dtype.h"
#include "framework/device/one_thread.h"
#include "framework/device/threads.h"
#include "framework/media/decode.h"
#include "framework/model/checked.h"
#include "framework/model/run_backbone.h"
#include "framework/model/transform_chain.h"
#include "framework/recipe/outputs.h"
#include "framework/request/request_source.h"

namespace flam {

namespace {

class Extractor {
 public:
  Extractor(const FeaturesOptions& options, const FeaturesHooks& hooks)
      : options_(options),
        hooks_(hooks),
        registry_(open_registry(options.run.plugin_path)),
        config_(RunConfig::load(options.config, options.run.overrides, *registry_)),
        border_(config_.model.vision_backbone),
        dtype_(config_.dtype_of(options.run.dtype)),
        device_(resolve_device(options.run.device)),
        transforms_(config_.transforms, *registry_) {
    outputs_.add_safetensors("--output", options.output, {"ids", "backbone"});
    outputs_.keep(config_, options.run.weights);
    for (const std::string& image : options.images) outputs_.keep(std::filesystem::path(image));
    outputs_.keep_other_content();
    { AtomicFile probe(options.output); }  // before the work, which would be lost
    WeightScope scope(weights_, VisionBackbone::kKind);
    backbone_ = registry_->build<VisionBackbone>(config_.model.vision_backbone, {}, &scope);
    layout_ = build_checked<MediaLayout>(*registry_, config_.model.media_layout,
                                         {"<image>", backbone_->image_size()});
    if (layout_->max_crops() > 1 || layout_->tile_slots() > 1) {
      throw Error(config_.model.media_layout.where,
                  cat(config_.model.media_layout.label(),
                      " makes several crops of a picture, but a file of features holds one for each picture; "
                      "set model.media_layout={type: single} and transforms that give the backbone's size"));
    }
    transforms_.check_output(*layout_, backbone_->image_size(), config_.model.vision_backbone);
    with_device_memory([&] { load_backbone(config_, options.run, *backbone_, device_, weights_); });
  }

  FeaturesReport run() {
    RequestSink sink;
    sink.expect = [this](int64_t count) { total_ = count; };
    sink.take = [this](const Request& request) {
      outputs_.keep(request);
      waiting_.push_back({request.id, request.parts.front().pictures.front()});
      if (std::ssize(waiting_) == options_.batch_size) flush();
    };
    sink.fail = [this](const std::string& id, const std::string& error) { fail(id, error); };
    sink.left_out = hooks_.left_out;
    sink.stopped = hooks_.cancelled;
    for_each_request({.images = options_.images, .recursive = options_.recursive}, /*needs_question=*/false,
                     sink);
    flush();
    if (features_.empty()) throw Error("no picture could be read, so there are no features to write");
    write();
    return report_;
  }

 private:
  struct Waiting {
    std::string id;
    PictureSource picture;
  };

  void fail(const std::string& id, const std::string& error) {
    ++report_.failed;
    if (hooks_.failed) hooks_.failed(id, error);
  }

  /// Computes the features of the pictures that wait.
  void flush() {
    if (hooks_.cancelled && hooks_.cancelled()) throw Interrupted();
    std::vector<at::Tensor> pixels(waiting_.size());
    std::vector<std::string> errors(waiting_.size());
    at::parallel_for(0, std::ssize(waiting_), 1, [&](int64_t begin, int64_t end) {
      for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
        try {
          pixels[i] = transforms_.apply(load_picture(waiting_[i].picture, config_.pictures), *layout_,
                                        /*may_split=*/true)[0];
        } catch (const Error& error) {
          errors[i] = error.what();
        }
      }
    });
    std::vector<at::Tensor> good;
    for (size_t i = 0; i < waiting_.size(); ++i) {
      if (pixels[i].defined()) {
        good.push_back(pixels[i]);
        ids_.push_back(waiting_[i].id);
      } else {
        fail(waiting_[i].id, errors[i]);
      }
    }
    waiting_.clear();
    if (!good.empty()) features_.push_back(features_of(at::stack(good)));
    report_.done += std::ssize(good);
    if (hooks_.progress) hooks_.progress(report_.done + report_.failed, total_);
  }

  at::Tensor features_of(const at::Tensor& pixels) const {
    const c10::InferenceMode guard;
    at::Tensor features = with_device_memory(
        [&] { return run_backbone(*backbone_, border_, pixels.to(device_)).tokens.to(at::kCPU, dtype_); });
    if (!features.isfinite().all().item<bool>()) {
      throw RunError(cat("the backbone gives features that are not finite in ", dtype_name(dtype_),
                         dtype_ == at::kHalf ? "; use --dtype bfloat16 or float32" : ""));
    }
    return features;
  }

  void write() const {
    const FeatureShape shape = backbone_->shape();
    Value ids = Value::list();
    for (const std::string& id : ids_) ids.as_list().push_back(Value(id));
    write_safetensors(options_.output, {{"features", at::cat(features_)}},
                      {{"ids", write_json(ids)},
                       {"grid", cat(shape.grid_h, "x", shape.grid_w)},
                       {"prefix_tokens", std::to_string(shape.prefix_tokens)},
                       {"backbone", write_json(config_.model.vision_backbone.resolved())}});
  }

  const FeaturesOptions& options_;
  const FeaturesHooks& hooks_;
  std::unique_ptr<Registry> registry_;
  RunConfig config_;
  Border border_;
  at::ScalarType dtype_;
  at::Device device_;
  TransformChain transforms_;
  Outputs outputs_;
  WeightStore weights_;
  std::unique_ptr<VisionBackbone> backbone_;
  std::unique_ptr<MediaLayout> layout_;
  std::vector<Waiting> waiting_;
  std::vector<at::Tensor> features_;
  std::vector<std::string> ids_;
  int64_t total_ = 0;
  FeaturesReport report_;
};

}  // namespace

FeaturesReport write_features(const FeaturesOptions& options, const FeaturesHooks& hooks) {
  check_inputs({.images = options.images});
  const int threads = thread_count(options.run.threads);
  make_threads(threads);  // first, as in Session::open
  const ThreadCount computing(threads);
  return Extractor(options, hooks).run();
}

}  // namespace flam
