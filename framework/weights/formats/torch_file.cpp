// Reads the files that torch.save writes: a zip archive with NAME/data.pkl (a pickle that refers to storages)
// and NAME/data/KEY (their bytes). The layout is that of torch 2.11: torch/serialization.py (_save) and
// caffe2/serialize/inline_container.h.

#include <algorithm>

#include "framework/base/text.h"
#include "framework/weights/formats/formats.h"
#include "framework/weights/formats/state_dicts.h"
#include "framework/weights/formats/unpickler.h"
#include "framework/weights/formats/zip.h"

namespace flam {

namespace {

constexpr size_t kMaxPickle = 64 << 20;
constexpr size_t kMostDicts = 100;

/// The folder inside the archive that holds everything ("adapter" of "adapter/data.pkl").
std::string find_root(const MappedFile& file, const ZipEntries& entries) {
  std::string root;
  for (const auto& [name, entry] : entries) {
    const size_t slash = name.find('/');
    if (slash == std::string::npos) continue;
    if (name.substr(slash + 1) != "data.pkl") continue;
    if (!root.empty()) refuse(file, "the archive holds two data.pkl");
    root = name.substr(0, slash);
  }
  if (root.empty()) refuse(file, "a zip archive without data.pkl is not what torch.save writes");
  return root;
}

/// Whether torch.jit.save wrote the archive. Its data.pkl needs the classes under code/.
bool holds_program(const ZipEntries& entries) {
  return std::any_of(entries.begin(), entries.end(), [](const auto& item) {
    const std::string_view rest = std::string_view(item.first).substr(item.first.find('/') + 1);
    return rest == "constants.pkl" || (rest.starts_with("code/") && rest.ends_with(".py"));
  });
}

class TorchFile {
 public:
  TorchFile(const MappedFile& file, const ZipEntries& entries, std::string root)
      : file_(file), entries_(entries), root_(std::move(root)) {}

  std::unique_ptr<Checkpoint> read(std::shared_ptr<const MappedFile> file) const {
    check_byte_order();
    const std::string_view bytes = content(root_ + "/data.pkl");
    if (bytes.size() > kMaxPickle)
      refuse(file_, cat("data.pkl of ", bytes.size(), " bytes; at most ", kMaxPickle));
    const pickle::Pickle data = pickle::read(bytes, [this](const std::string& why, size_t position) {
      refuse(file_, cat("data.pkl, byte ", position, ": ", why));
    });
    const std::vector<StateDict> dicts = find_state_dicts(data);
    if (dicts.empty())
      refuse(file_, "holds no dict of tensors, neither at the top level of its data.pkl nor inside");
    if (dicts.size() > kMostDicts)
      refuse(file_, cat("holds ", dicts.size(), " dicts of tensors; at most ", kMostDicts, " are taken"));
    std::map<std::string, StoredTensor> tensors;
    std::vector<std::string> wrappers;
    for (const StateDict& dict : dicts) {
      if (!dict.wrapper.empty()) wrappers.push_back(dict.wrapper);
      const std::string prefix = dicts.size() > 1 ? dict.wrapper + "." : "";
      for (const auto& [name, tensor] : dict.tensors) {
        if (!tensors.emplace(cat(prefix, name), locate(name, *tensor)).second)
          refuse(file_, cat("the tensor ", quoted(cat(prefix, name)), " occurs twice"));
      }
    }
    return std::make_unique<MappedCheckpoint>(std::move(file), std::move(tensors),
                                              std::map<std::string, std::string>{}, std::move(wrappers));
  }

 private:
  void check_byte_order() const {
    const auto order = entries_.find(root_ + "/byteorder");
    if (order != entries_.end() && content(order->first) != "little") {
      refuse(file_, cat("its byte order is ", quoted(order->second.bytes), ", expected 'little'"));
    }
  }

  /// Returns the bytes of an existing entry.
  std::string_view content(const std::string& name) const {
    const ZipEntry& entry = entries_.at(name);
    if (entry.compressed)
      refuse(file_, cat("entry ", quoted(name), " is compressed; torch.save stores entries as they are"));
    return entry.bytes;
  }

  std::string_view storage_bytes(std::string_view name, const pickle::Storage& storage) const {
    const auto found = entries_.find(cat(root_, "/data/", storage.key));
    if (found == entries_.end()) {
      refuse(file_, cat("the storage ", quoted(storage.key), " of tensor ", quoted(name), " is missing"));
    }
    int64_t bytes = 0;
    const auto width = static_cast<int64_t>(c10::elementSize(storage.dtype));
    if (storage.count < 0 || __builtin_mul_overflow(storage.count, width, &bytes) ||
        static_cast<size_t>(bytes) != content(found->first).size()) {
      refuse(file_, cat("the storage ", quoted(storage.key), " of tensor ", quoted(name), " should have ",
                        storage.count, " elements of ", width, " bytes, but has ", found->second.bytes.size(),
                        " bytes"));
    }
    return found->second.bytes;
  }

  StoredTensor locate(std::string_view name, const pickle::Tensor& tensor) const {
    const std::string_view bytes = storage_bytes(name, tensor.storage);
    const auto fail = [&](const char* why) {
      refuse(file_, cat("tensor ", quoted(name), " of sizes ", at::IntArrayRef(tensor.sizes), ", strides ",
                        at::IntArrayRef(tensor.strides), " and offset ", tensor.offset, " ", why));
    };
    if (tensor.sizes.size() != tensor.strides.size()) fail("is malformed");
    const int64_t numel = checked_numel(tensor.sizes);
    if (numel < 0 || numel > tensor.storage.count) fail("is larger than its storage");
    int64_t last = tensor.offset;
    bool overflow = tensor.offset < 0;
    for (size_t i = 0; i < tensor.sizes.size() && numel > 0; ++i) {
      int64_t reach = 0;
      overflow |= tensor.strides[i] < 0 ||
                  __builtin_mul_overflow(tensor.sizes[i] - 1, tensor.strides[i], &reach) ||
                  __builtin_add_overflow(last, reach, &last);
    }
    if (overflow || (numel > 0 ? last >= tensor.storage.count : last > tensor.storage.count)) {
      fail("reaches outside its storage");
    }
    const auto width = static_cast<int64_t>(c10::elementSize(tensor.storage.dtype));
    StoredTensor stored{tensor.storage.dtype, tensor.sizes, tensor.strides, nullptr};
    if (numel == 0) stored.strides.clear();
    stored.data = reinterpret_cast<const std::byte*>(bytes.data()) + tensor.offset * width;
    return stored;
  }

  const MappedFile& file_;
  const ZipEntries& entries_;
  std::string root_;
};

}  // namespace

std::unique_ptr<Checkpoint> read_torch_zip(std::shared_ptr<const MappedFile> file) {
  const ZipEntries entries = read_zip(*file);
  try {
    return TorchFile(*file, entries, find_root(*file, entries)).read(file);
  } catch (const Error&) {
    if (!holds_program(entries)) throw;
  }
  refuse(*file,
         "a TorchScript archive holds a program, which is not run. Convert it: "
         "torch.save(torch.jit.load(FILE, map_location='cpu').state_dict(), NEW)");
}

}  // namespace flam
