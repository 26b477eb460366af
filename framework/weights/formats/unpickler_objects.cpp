#include "framework/weights/formats/unpickler_objects.h"

#include <algorithm>

#include "framework/weights/formats/unpickler_globals.h"

namespace flam::pickle {

namespace {
constexpr size_t kMaxDimensions = 8;  // limited because a pickle can repeat a shape with a few bytes
constexpr size_t kLongestKey = 100;   // bytes; the keys of torch.save are numbers
constexpr int kMaxDepth = 64;
}  // namespace

void Objects::nest(Id outer, Id inner) {
  int& depth = objects_[outer].depth;
  depth = std::max(depth, objects_[inner].depth + 1);
  if (depth > kMaxDepth) fail(cat("objects nested more than ", kMaxDepth, " deep"));
}

Id Objects::add_tuple(std::vector<Id> items) {
  const Id tuple = add(Sequence{std::move(items), true});
  for (const Id id : std::get<Sequence>(objects_[tuple].value).items) nest(tuple, id);
  return tuple;
}

void Objects::append(Id list, const std::vector<Id>& items) {
  auto& target = expect<Sequence>(list, "a list to append to");
  if (target.is_tuple) fail("appends to a tuple");
  for (const Id id : items) {
    nest(list, id);
    target.items.push_back(id);
  }
}

void Objects::set_items(Id dict, const std::vector<Id>& keys_and_values) {
  auto& target = expect<Dict>(dict, "a dict to set items of");
  if (keys_and_values.size() % 2 != 0) fail("a key without a value");
  for (size_t i = 0; i < keys_and_values.size(); i += 2) {
    nest(dict, keys_and_values[i]);
    nest(dict, keys_and_values[i + 1]);
    target.items.emplace_back(keys_and_values[i], keys_and_values[i + 1]);
  }
}

Id Objects::add_named(std::string_view module, std::string_view name) {
  const auto known = find_global(module, name);
  if (!known) {
    fail(cat("the file wants ", quoted(cat(module, ".", name)),
             ", which is not data; only tensors, OrderedDict and plain values are read. If you trust the "
             "file, save its "
             "tensors alone: torch.save(torch.load(FILE, weights_only=False)['state_dict'], NEW)"));
  }
  return std::visit([this](auto value) { return add(value); }, *known);
}

Id Objects::call(Id function, Id arguments_id) {
  // The reference is valid until an object is added.
  const auto& arguments = expect<Sequence>(arguments_id, "a tuple of arguments").items;
  const Global* callee = std::get_if<Global>(&objects_[function].value);
  if (!callee) fail("REDUCE calls an object that is not a known function");
  switch (*callee) {
    case Global::ordered_dict:
      return add_ordered_dict(arguments);
    case Global::rebuild_tensor:
      if (arguments.size() != 4) fail("_rebuild_tensor without its 4 arguments");
      return add(tensor(arguments));
    case Global::rebuild_tensor_v2:  // the same, then requires_grad, hooks and perhaps metadata
      if (arguments.size() != 6 && arguments.size() != 7) fail("_rebuild_tensor_v2 without its 6 arguments");
      return add(tensor(arguments));
    case Global::rebuild_parameter:  // (tensor, requires_grad, hooks)
      if (arguments.size() != 3) fail("_rebuild_parameter without its 3 arguments");
      return add(Tensor(expect<Tensor>(arguments[0], "a tensor in _rebuild_parameter")));
    case Global::parameter:
      return add(parameter(arguments));
  }
  fail("REDUCE calls an unknown function");
}

Id Objects::make(Id type, Id arguments) {
  const Global* known = std::get_if<Global>(&objects_[type].value);
  if (!known || *known != Global::parameter) fail("NEWOBJ of a class other than torch.nn.Parameter");
  return add(parameter(expect<Sequence>(arguments, "a tuple of arguments").items));
}

/// OrderedDict() or, as Python 2 writes it, OrderedDict([[key, value], …]).
Id Objects::add_ordered_dict(const std::vector<Id>& arguments) {
  if (arguments.empty()) return add(Dict{{}, true});
  if (arguments.size() > 1) fail("OrderedDict with more than one argument");
  const Id pairs = arguments[0];
  Dict dict{{}, true};
  for (const Id item : expect<Sequence>(pairs, "a list of pairs in OrderedDict").items) {
    const auto& pair = expect<Sequence>(item, "a pair in OrderedDict").items;
    if (pair.size() != 2) fail("OrderedDict of items that are not pairs");
    if (++copied_ > kMost) fail(cat("more than ", kMost, " pairs in OrderedDict"));
    dict.items.emplace_back(pair[0], pair[1]);
  }
  const Id added = add(std::move(dict));
  nest(added, pairs);
  return added;
}

/// A tensor from (storage, offset, size, stride, …).
Tensor Objects::tensor(const std::vector<Id>& arguments) {
  return {expect<Storage>(arguments[0], "a storage in _rebuild_tensor"),
          expect<int64_t>(arguments[1], "a whole number as offset"), integers(arguments[2]),
          integers(arguments[3])};
}

/// torch.nn.Parameter(tensor[, requires_grad]), which torch before 0.4 writes.
Tensor Objects::parameter(const std::vector<Id>& arguments) {
  if (arguments.empty() || arguments.size() > 2) fail("torch.nn.Parameter without its tensor");
  Tensor tensor = expect<Tensor>(arguments[0], "a tensor in torch.nn.Parameter");
  tensor.is_parameter = true;
  return tensor;
}

std::vector<int64_t> Objects::integers(Id id) {
  const auto& items = expect<Sequence>(id, "a tuple of whole numbers").items;
  if (items.size() > kMaxDimensions)
    fail(cat("a tensor of ", items.size(), " dimensions; at most ", kMaxDimensions));
  std::vector<int64_t> values;
  values.reserve(items.size());
  for (const Id item : items) values.push_back(expect<int64_t>(item, "a whole number"));
  return values;
}

Id Objects::add_storage(Id persistent_id) {
  const bool legacy = ids_ == StorageIds::legacy;
  const auto& parts = expect<Sequence>(persistent_id, "a tuple as persistent id").items;
  if (parts.size() != (legacy ? 6 : 5) || expect<std::string_view>(parts[0], "a text") != "storage") {
    fail(cat("a persistent id that is not ('storage', type, key, location, count", legacy ? ", view)" : ")"));
  }
  const auto key = [this](Id id) {
    const auto text = expect<std::string_view>(id, "a storage key");
    if (text.size() > kLongestKey)
      fail(cat("a storage key of ", text.size(), " bytes; at most ", kLongestKey));
    return text;
  };
  Storage storage{expect<StorageType>(parts[1], "a storage type").dtype, key(parts[2]),
                  expect<int64_t>(parts[4], "a whole number of elements"), std::nullopt};
  if (legacy && !std::holds_alternative<None>(objects_[parts[5]].value)) {
    const auto& view = expect<Sequence>(parts[5], "None or a tuple as view of a storage").items;
    if (view.size() != 3) fail("a view of a storage that is not (key, offset, count)");
    storage.view = StorageView{key(view[0]), expect<int64_t>(view[1], "a whole number as offset of a view"),
                               expect<int64_t>(view[2], "a whole number of elements of a view")};
  }
  return add(storage);
}

/// torch.save gives state dicts an attribute `_metadata` (versions of modules). The state of a parameter,
/// (requires_grad, volatile, hooks), comes from torch before 0.4. No other object may have attributes.
void Objects::set_state(Id id, Id state) {
  if (const Dict* dict = std::get_if<Dict>(&objects_[id].value); dict && dict->ordered) return;
  const Tensor* tensor = std::get_if<Tensor>(&objects_[id].value);
  if (!tensor || !tensor->is_parameter) fail("BUILD on an object that is neither OrderedDict nor Parameter");
  if (expect<Sequence>(state, "a tuple as state of a Parameter").items.size() != 3)
    fail("a Parameter whose state is not (requires_grad, volatile, hooks)");
}

}  // namespace flam::pickle
