#pragma once
#include "framework/weights/formats/unpickler.h"
#include "framework/weights/formats/unpickler_bytes.h"

namespace flam::pickle {

/// The objects that a pickle makes. Everything but plain data and tensors is refused, and so is what would
/// need much more memory than the pickle itself.
class Objects {
 public:
  Objects(const Bytes& bytes, StorageIds ids) : bytes_(bytes), ids_(ids) {}

  template <class T>
  Id add(T value) {
    if (objects_.size() >= kMost) fail(cat("more than ", kMost, " objects"));
    objects_.push_back({std::move(value)});
    return static_cast<Id>(objects_.size() - 1);
  }
  template <class T>
  T& expect(Id id, const char* what) {
    T* value = std::get_if<T>(&objects_[id].value);
    if (!value) fail(cat("expected ", what));
    return *value;
  }

  Id add_tuple(std::vector<Id> items);
  Id add_named(std::string_view module, std::string_view name);
  /// The storage of a persistent id, which is a tuple.
  Id add_storage(Id persistent_id);
  /// What a function returns for a tuple of arguments (REDUCE).
  Id call(Id function, Id arguments);
  /// An object of a class, made from a tuple of arguments (NEWOBJ).
  Id make(Id type, Id arguments);

  void append(Id list, const std::vector<Id>& items);
  void set_items(Id dict, const std::vector<Id>& keys_and_values);
  /// Sets the attributes of an object (BUILD). They are ignored where they may exist.
  void set_state(Id id, Id state);

  std::vector<Object> take() { return std::move(objects_); }

 private:
  static constexpr size_t kMost = 2'000'000;

  [[noreturn]] void fail(const std::string& why) const { bytes_.fail(why); }
  void nest(Id outer, Id inner);
  Id add_ordered_dict(const std::vector<Id>& arguments);
  Tensor tensor(const std::vector<Id>& arguments);
  Tensor parameter(const std::vector<Id>& arguments);
  std::vector<int64_t> integers(Id id);

  const Bytes& bytes_;
  StorageIds ids_;
  std::vector<Object> objects_;
  size_t copied_ = 0;  // pairs that were copied from a list into a dict
};

}  // namespace flam::pickle
