// Reads the files that torch.save writes since torch 1.6: a zip archive with NAME/data.pkl (a pickle that
// refers to storages) and NAME/data/KEY (their bytes). The layout is that of torch 2.11:
// torch/serialization.py (_save) and caffe2/serialize/inline_container.h.

#include <algorithm>

#include "framework/base/text.h"
#include "framework/weights/formats/torch_file.h"
#include "framework/weights/formats/zip.h"

namespace flam {

namespace {

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

class TorchZip {
 public:
  TorchZip(const MappedFile& file, const ZipEntries& entries, std::string root)
      : file_(file), entries_(entries), root_(std::move(root)) {}

  std::unique_ptr<Checkpoint> read(std::shared_ptr<const MappedFile> file) const {
    check_byte_order();
    const std::string_view bytes = content(root_ + "/data.pkl");
    const pickle::Pickle data = pickle::read(bytes, [this](const std::string& why, size_t position) {
      refuse(file_, cat("data.pkl, byte ", position, ": ", why));
    });
    return read_state_dicts(std::move(file), data,
                            [this](std::string_view name, const pickle::Storage& storage) {
                              return storage_bytes(name, storage);
                            });
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

  const MappedFile& file_;
  const ZipEntries& entries_;
  std::string root_;
};

}  // namespace

std::unique_ptr<Checkpoint> read_torch_zip(std::shared_ptr<const MappedFile> file) {
  const ZipEntries entries = read_zip(*file);
  try {
    return TorchZip(*file, entries, find_root(*file, entries)).read(file);
  } catch (const Error&) {
    if (!holds_program(entries)) throw;
  }
  refuse(*file,
         "a TorchScript archive holds a program, which is not run. Convert it: "
         "torch.save(torch.jit.load(FILE, map_location='cpu').state_dict(), NEW)");
}

}  // namespace flam
