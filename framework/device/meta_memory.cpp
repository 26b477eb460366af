#include "framework/device/meta_memory.h"

#include <ATen/record_function.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace flam {

struct MetaMemory::State {
  using Storage = c10::weak_intrusive_ptr<c10::StorageImpl>;

  std::unordered_set<const c10::StorageImpl*> known;
  std::unordered_map<const c10::StorageImpl*, Storage> made;  // weak, so that each ends when its tensors do
  int64_t peak = 0;
  at::CallbackHandle handle = 0;

  static State*& of_thread() {
    static thread_local State* state = nullptr;
    return state;
  }

  static void after(const at::RecordFunction& call, at::ObserverContext* /*context*/) {
    State& state = *of_thread();
    for (const c10::IValue& output : call.outputs()) {
      if (output.isTensor()) state.add(output.toTensor());
      if (output.isTensorList())
        for (const at::Tensor& tensor : output.toTensorVector()) state.add(tensor);
    }
    state.peak = std::max(state.peak, state.current());
  }

  void add(const at::Tensor& tensor) {
    if (!tensor.defined() || !tensor.is_meta() || !tensor.has_storage()) return;
    const auto& storage = tensor.storage();
    const auto* const key = storage.unsafeGetStorageImpl();
    if (known.contains(key)) return;
    // An expired entry at the same address is of an earlier tensor.
    made.insert_or_assign(key, storage.getWeakStorageImpl());
  }

  int64_t current() {
    int64_t sum = 0;
    for (auto entry = made.begin(); entry != made.end();) {
      if (const auto storage = entry->second.lock()) {
        sum += static_cast<int64_t>(storage->nbytes());
        ++entry;
      } else {
        entry = made.erase(entry);
      }
    }
    return sum;
  }
};

MetaMemory::MetaMemory(const std::vector<at::Tensor>& known) : state_(std::make_unique<State>()) {
  for (const at::Tensor& tensor : known) {
    if (tensor.has_storage()) state_->known.insert(tensor.storage().unsafeGetStorageImpl());
  }
  State::of_thread() = state_.get();
  state_->handle =
      at::addThreadLocalCallback(at::RecordFunctionCallback(nullptr, &State::after).needsOutputs(true));
}

MetaMemory::~MetaMemory() {
  at::removeCallback(state_->handle);
  State::of_thread() = nullptr;
}

int64_t MetaMemory::current() const {
  return state_->current();
}

int64_t MetaMemory::peak() const {
  return state_->peak;
}

void MetaMemory::restart_peak() {
  state_->peak = state_->current();
}

}  // namespace flam
