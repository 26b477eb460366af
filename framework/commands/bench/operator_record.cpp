#include "framework/commands/bench/operator_record.h"

#include <ATen/core/ivalue.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <unordered_set>

#include "framework/device/dtype.h"
#include "framework/nn/flops.h"

namespace flam {

namespace {

thread_local OperatorRecorder* recording = nullptr;

std::vector<at::Tensor> outputs_of(const at::RecordFunction& function) {
  std::vector<at::Tensor> out;
  for (const c10::IValue& value : function.outputs()) {
    if (value.isTensor()) {
      if (value.toTensor().defined()) out.push_back(value.toTensor());
    } else if (value.isTensorList()) {
      for (const at::Tensor& tensor : value.toTensorVector()) out.push_back(tensor);
    }
  }
  return out;
}

const void* storage_of(const at::Tensor& tensor) {
  return tensor.has_storage() ? tensor.storage().data() : nullptr;
}

int64_t bytes_of(const at::Tensor& tensor) {
  const auto bytes = static_cast<int64_t>(tensor.numel() * tensor.element_size());
  // An expanded tensor has more elements than memory.
  return tensor.has_storage() ? std::min(bytes, static_cast<int64_t>(tensor.storage().nbytes())) : bytes;
}

/// Operators that read only some rows of their first tensor.
bool reads_rows(const std::string& name) {
  return name == "aten::embedding" || name == "aten::index" || name == "aten::index_select" ||
         name == "aten::gather";
}

}  // namespace

struct OperatorRecorder::Open {
  RecordedStage stage;
  std::vector<size_t> callers;                         // indices of the calls under way
  std::vector<OperatorInput> inputs;                   // of each of them
  std::unordered_set<const void*> made;                // storages that the stage made
  std::set<std::tuple<const void*, int64_t>> counted;  // tensors whose bytes are counted
};

struct RecorderCallbacks {
  static std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& function) {
    if (!recording || !recording->open_) return nullptr;
    OperatorRecorder::Open& open = *recording->open_;
    OperatorCall call;
    call.name = function.name();
    call.depth = static_cast<int>(open.callers.size());
    OperatorInput input = OperatorInput::of(function);
    for (const at::Tensor& tensor : input.tensors) call.shapes.push_back(tensor.sizes().vec());
    if (!input.tensors.empty()) call.dtype = dtype_name(input.tensors.front().scalar_type());
    open.callers.push_back(open.stage.calls.size());
    open.inputs.push_back(std::move(input));
    call.start_ms = recording->now();
    open.stage.calls.push_back(std::move(call));
    return std::make_unique<Context>();
  }

  static void end(const at::RecordFunction& function, at::ObserverContext* context) {
    // A call that began before the stage has no context.
    if (!recording || !recording->open_ || !context || recording->open_->callers.empty()) return;
    OperatorRecorder::Open& open = *recording->open_;
    const double now = recording->now();
    const size_t index = open.callers.back();
    const OperatorInput input = std::move(open.inputs.back());
    open.callers.pop_back();
    open.inputs.pop_back();
    OperatorCall& call = open.stage.calls[index];
    call.ms = now - call.start_ms;
    const std::vector<at::Tensor> outputs = outputs_of(function);
    count_flops_of(open, index, input, outputs);
    count_bytes_of(open, call, input.tensors, outputs);
  }

 private:
  struct Context : at::ObserverContext {};

  static void count_flops_of(OperatorRecorder::Open& open, size_t index, const OperatorInput& in,
                             const std::vector<at::Tensor>& out) {
    auto& calls = open.stage.calls;
    OperatorCall& call = calls[index];
    if (!out.empty() && is_product(call.name)) call.flops = product_flops(call.name, in, out.front());
    // A product within a product computes the same operations; other operators do what they call.
    if (open.callers.empty()) return;
    OperatorCall& caller = calls[open.callers.back()];
    caller.flops += call.flops;
    call.flops = 0;
  }

  static void count_bytes_of(OperatorRecorder::Open& open, OperatorCall& call,
                             const std::vector<at::Tensor>& in, const std::vector<at::Tensor>& out) {
    std::unordered_set<const void*> given;
    for (const at::Tensor& tensor : in) given.insert(storage_of(tensor));
    const bool is_view = !call.name.ends_with("_") && !out.empty() &&
                         std::all_of(out.begin(), out.end(), [&](const at::Tensor& tensor) {
                           return given.contains(storage_of(tensor));
                         });
    if (call.depth == 0 && !is_view) {
      for (size_t i = 0; i < in.size(); ++i) {
        const void* const storage = storage_of(in[i]);
        if (!storage || open.made.contains(storage)) continue;
        const int64_t bytes =
            i == 0 && reads_rows(call.name) && !out.empty() ? bytes_of(out.front()) : bytes_of(in[i]);
        if (open.counted.emplace(in[i].const_data_ptr(), bytes).second) call.bytes += bytes;
      }
    }
    for (const at::Tensor& tensor : out) {
      if (const void* const storage = storage_of(tensor); storage && !given.contains(storage))
        open.made.insert(storage);
    }
  }
};

OperatorRecorder::OperatorRecorder() {
  handle_ = at::addThreadLocalCallback(
      at::RecordFunctionCallback(&RecorderCallbacks::begin, &RecorderCallbacks::end)
          .needsInputs(true)
          .needsOutputs(true)
          .scopes({at::RecordScope::FUNCTION}));
  recording = this;
}

OperatorRecorder::~OperatorRecorder() {
  recording = nullptr;
  at::removeCallback(handle_);
}

double OperatorRecorder::now() const {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count();
}

void OperatorRecorder::begin(const std::string& stage) {
  open_ = std::make_unique<Open>();
  open_->stage.name = stage;
  open_->stage.start_ms = now();
}

void OperatorRecorder::end(int64_t unseen_bytes) {
  RecordedStage stage = std::move(open_->stage);
  stage.ms = now() - stage.start_ms;
  stage.unseen_bytes = unseen_bytes;
  open_.reset();
  stages_.push_back(std::move(stage));
}

}  // namespace flam
