// Reads the legacy files of torch.save, which torch 0.1.10 to 1.5 always wrote and later versions write with
// _use_new_zipfile_serialization=False: pickles of a magic number, a version, facts about the machine, the
// data and a list of storage keys; then for each key a number of elements (int64) and their bytes. The layout
// is that of torch 2.11: torch/serialization.py (_legacy_save, _legacy_load) and torch/csrc/serialization.cpp
// (readFileRaw).

#include <cstring>

#include "framework/base/text.h"
#include "framework/weights/formats/torch_file.h"

namespace flam {

namespace {

constexpr std::string_view kMagic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";  // LONG1 … STOP
constexpr std::string_view kFrame("\x95\x0d\0\0\0\0\0\0\0", 9);  // before it, from protocol 4 on
constexpr int64_t kVersion = 1001;

/// The length of the first pickle, which is the magic number; 0 if the file does not begin with it.
size_t magic_size(std::string_view bytes) {
  constexpr size_t kHeader = 2;
  if (bytes.size() < kHeader || bytes[0] != '\x80' || bytes[1] < 2 || bytes[1] > 5) return 0;
  const std::string_view rest = bytes.substr(kHeader);
  const size_t frame = rest.starts_with(kFrame) ? kFrame.size() : 0;
  return rest.substr(frame).starts_with(kMagic) ? kHeader + frame + kMagic.size() : 0;
}

struct Part {  // a storage that the pickle names
  at::ScalarType dtype;
  int64_t count;
  const char* data = nullptr;  // null until its bytes are found

  int64_t width() const { return static_cast<int64_t>(c10::elementSize(dtype)); }
};

class TorchLegacy {
 public:
  explicit TorchLegacy(const MappedFile& file) : file_(file), bytes_(file.bytes()) {}

  std::unique_ptr<Checkpoint> read(std::shared_ptr<const MappedFile> file) {
    position_ = magic_size(bytes_);
    check_version(next_pickle());
    check_machine(next_pickle());
    const pickle::Pickle data = next_pickle(pickle::StorageIds::legacy);
    const pickle::Pickle keys = next_pickle();
    for (const pickle::Object& object : data.objects) {
      if (const auto* storage = std::get_if<pickle::Storage>(&object.value)) declare(*storage);
    }
    for (const auto& [key, view] : views_) {
      if (parts_.contains(key)) refuse(file_, cat("the storage ", quoted(key), " is also a view"));
    }
    find_parts(keys);
    return read_state_dicts(std::move(file), data, [this](std::string_view, const pickle::Storage& storage) {
      const Part& part = parts_.at(storage.key);
      const int64_t offset = storage.view ? storage.view->offset : 0;
      const int64_t count = storage.view ? storage.view->count : part.count;
      return std::string_view(part.data + offset * part.width(), static_cast<size_t>(count * part.width()));
    });
  }

 private:
  size_t left() const { return bytes_.size() - position_; }

  pickle::Pickle next_pickle(pickle::StorageIds ids = pickle::StorageIds::zip) {
    const auto fail = [this](const std::string& why, size_t position) {
      refuse(file_, cat("byte ", position_ + position, ": ", why));
    };
    pickle::Pickle read = pickle::read(bytes_.substr(position_), fail, ids);
    position_ += read.size;
    return read;
  }

  void check_version(const pickle::Pickle& version) const {
    const auto* number = std::get_if<int64_t>(&version.objects[version.root].value);
    if (!number || *number != kVersion) {
      refuse(file_, cat("its second pickle should be the version ", kVersion, " of the legacy torch format",
                        number ? cat(", not ", *number) : ""));
    }
  }

  void check_machine(const pickle::Pickle& machine) const {
    const bool* little = nullptr;
    if (const pickle::Dict* facts = machine.dict(machine.root)) {
      for (const auto& [key, value] : facts->items) {
        const std::string_view* name = machine.text(key);
        if (name && *name == "little_endian") little = std::get_if<bool>(&machine.objects[value].value);
      }
    }
    if (!little) refuse(file_, "its third pickle should be a dict with 'little_endian': True or False");
    if (!*little) {
      refuse(file_,
             "written on a big-endian machine, which is not supported. Convert it: "
             "torch.save(torch.load(FILE, map_location='cpu', weights_only=True), NEW)");
    }
  }

  void declare(const pickle::Storage& storage) {
    if (storage.count < 0)
      refuse(file_, cat("the storage ", quoted(storage.key), " has ", storage.count, " elements"));
    const Part& part = parts_.try_emplace(storage.key, Part{storage.dtype, storage.count}).first->second;
    if (part.dtype != storage.dtype || part.count != storage.count)
      refuse(file_, cat("the storage ", quoted(storage.key), " occurs with two types or sizes"));
    if (!storage.view) return;
    const auto& [key, offset, count] = *storage.view;
    if (offset < 0 || count < 0 || offset > storage.count || count > storage.count - offset) {
      refuse(file_, cat("the view ", quoted(key), " of ", count, " elements at ", offset,
                        " reaches outside the storage ", quoted(storage.key), " of ", storage.count));
    }
    const pickle::Storage& first = *views_.try_emplace(key, &storage).first->second;
    if (first.key != storage.key || first.view->offset != offset || first.view->count != count)
      refuse(file_, cat("the view ", quoted(key), " occurs with two places or sizes"));
  }

  void find_parts(const pickle::Pickle& keys) {
    const auto* list = std::get_if<pickle::Sequence>(&keys.objects[keys.root].value);
    if (!list || list->is_tuple) refuse(file_, "its fifth pickle should be the list of storage keys");
    for (const pickle::Id id : list->items) {
      const std::string_view* key = keys.text(id);
      if (!key) refuse(file_, "a storage key that is not a text");
      const auto part = parts_.find(*key);
      if (part == parts_.end())
        refuse(file_, cat("lists the storage ", quoted(*key), ", which its pickle does not name"));
      if (part->second.data) refuse(file_, cat("lists the storage ", quoted(*key), " twice"));
      find_part(*key, part->second);
    }
    for (const auto& [key, part] : parts_) {
      if (!part.data)
        refuse(file_, cat("does not list the storage ", quoted(key), ", which its pickle names"));
    }
    if (left() > 0) {
      refuse(file_, cat(left(),
                        " bytes follow the last storage. Does it hold the results of several calls of "
                        "torch.save? Give each its own file"));
    }
  }

  void find_part(std::string_view key, Part& part) {
    int64_t count = 0, size = 0;
    if (left() < sizeof count)
      refuse(file_, cat("ends before the storage ", quoted(key), ": is it truncated?"));
    std::memcpy(&count, bytes_.data() + position_, sizeof count);
    position_ += sizeof count;
    if (count != part.count) {
      refuse(file_,
             cat("the storage ", quoted(key), " should have ", part.count, " elements, but has ", count));
    }
    if (__builtin_mul_overflow(count, part.width(), &size) || static_cast<size_t>(size) > left()) {
      refuse(file_, cat("the storage ", quoted(key), " of ", count, " elements of ", part.width(),
                        " bytes reaches behind the end: is the file truncated?"));
    }
    part.data = bytes_.data() + position_;
    position_ += static_cast<size_t>(size);
  }

  const MappedFile& file_;
  std::string_view bytes_;
  size_t position_ = 0;
  std::map<std::string_view, Part> parts_;                    // by key
  std::map<std::string_view, const pickle::Storage*> views_;  // by the key of the view
};

}  // namespace

bool is_torch_legacy(std::string_view bytes) {
  return magic_size(bytes) > 0;
}

std::unique_ptr<Checkpoint> read_torch_legacy(std::shared_ptr<const MappedFile> file) {
  return TorchLegacy(*file).read(file);
}

}  // namespace flam
