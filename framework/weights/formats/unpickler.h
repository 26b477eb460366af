#pragma once
// A restricted reader of Python pickles (protocols 2 to 4, as torch.save writes them). It only builds data
// and never calls a function. It knows the names of tensors, parameters, storages and OrderedDict; every
// other name is refused with a message that contains it.

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace flam::pickle {

/// Index of an object in Pickle::objects. Objects refer to each other by index, so that nested, cyclic and
/// shared objects in a hostile file cause neither recursion nor copies.
using Id = uint32_t;

enum class Global { ordered_dict, rebuild_tensor, rebuild_tensor_v2, rebuild_parameter, parameter };

struct None {};
struct StorageType {
  at::ScalarType dtype;
};
struct StorageView {  // elements of a storage that count as a storage of their own
  std::string_view key;
  int64_t offset, count;
};
struct Storage {  // a persistent id: ('storage', type, key, location, count[, view])
  at::ScalarType dtype;
  std::string_view key;
  int64_t count;
  std::optional<StorageView> view;
};
struct Tensor {
  Storage storage;
  int64_t offset;
  std::vector<int64_t> sizes, strides;
  bool is_parameter = false;  // made by the class torch.nn.Parameter, whose objects have a state
};
struct Sequence {  // tuple or list
  std::vector<Id> items;
  bool is_tuple;
};
struct Dict {
  std::vector<std::pair<Id, Id>> items;
  bool ordered = false;
};

struct Object {
  std::variant<None, bool, int64_t, double, std::string_view, Sequence, Dict, Global, StorageType, Storage,
               Tensor>
      value;
  int depth = 0;  // nesting depth of the containers inside
};

/// Texts point into the pickled bytes.
struct Pickle {
  std::vector<Object> objects;
  Id root = 0;
  size_t size = 0;  // bytes that were read

  const Dict* dict(Id id) const { return std::get_if<Dict>(&objects[id].value); }
  const std::string_view* text(Id id) const { return std::get_if<std::string_view>(&objects[id].value); }
};

/// Throws an error for the problem `why` at a byte `position`.
using Fail = std::function<void(const std::string& why, size_t position)>;

/// Which persistent ids the pickle has: those of zip files, ('storage', type, key, location, count), or
/// those of legacy files, which end in a view (None or (key, offset, count)).
enum class StorageIds { zip, legacy };

/// Reads the pickle at the start of `bytes`; more bytes may follow.
Pickle read(std::string_view bytes, const Fail& fail, StorageIds ids = StorageIds::zip);

}  // namespace flam::pickle
