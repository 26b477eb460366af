// Detects the format of a checkpoint, and reads checkpoints in several shards.
#include "framework/weights/checkpoint.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/weights/formats/formats.h"
#include "framework/weights/formats/gguf.h"
#include "framework/weights/training_prefixes.h"

namespace flam {

namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxIndex = 100'000'000;
constexpr size_t kTarMagic = 257;  // where a tar archive says "ustar"

/// An index {"weight_map": {name: file}} and the files beside it.
class ShardedCheckpoint final : public Checkpoint {
 public:
  explicit ShardedCheckpoint(const MappedFile& index);
  const std::vector<std::string>& names() const override { return names_; }
  at::Tensor tensor(const std::string& name) const override { return shard(name).tensor(name); }
  at::Tensor meta_tensor(const std::string& name) const override { return shard(name).meta_tensor(name); }
  Stored stored(const std::string& name) const override { return shard(name).stored(name); }
  std::shared_ptr<const MappedFile> file_of(const std::string& name) const override {
    return shard(name).file_of(name);
  }

 private:
  const Checkpoint& shard(const std::string& name) const {
    const auto found = shard_of_.find(name);
    if (found == shard_of_.end()) {
      throw Error(cat(index_, ": lists no tensor ", quoted(name), did_you_mean(name, names_)));
    }
    return *found->second;
  }

  std::string index_;
  std::vector<std::string> names_;
  std::map<std::string, std::unique_ptr<Checkpoint>> shards_;
  std::map<std::string, const Checkpoint*> shard_of_;
};

std::unique_ptr<Checkpoint> open_single(std::shared_ptr<const MappedFile> file);

nlohmann::json parse_index(const MappedFile& index) {
  if (index.size() > kMaxIndex)
    refuse(index, cat("an index of ", index.size(), " bytes; at most ", kMaxIndex));
  const auto shallow = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > 16) refuse(index, "nested too deeply for an index of shards");
    return true;
  };
  try {
    return nlohmann::json::parse(index.bytes(), shallow);
  } catch (const nlohmann::json::exception& error) {
    refuse(index, cat("not a JSON index of shards: ", printable(error.what())));
  }
}

ShardedCheckpoint::ShardedCheckpoint(const MappedFile& index)
    : index_(printable(index.path().string(), 1000)) {
  const nlohmann::json tree = parse_index(index);
  const auto map = tree.find("weight_map");
  if (map == tree.end() || !map->is_object()) refuse(index, "an index of shards needs a 'weight_map'");
  for (const auto& [name, value] : map->items()) {
    const std::string shard = value.is_string() ? value.get<std::string>() : "";
    if (shard.empty() || shard == "." || shard == ".." ||
        shard.find_first_of(std::string_view("/\\\0", 3)) != std::string::npos) {
      refuse(index, cat("the shard ", quoted(shard), " of tensor ", quoted(name),
                        " is not the name of a file beside it"));
    }
    auto& opened = shards_[shard];
    if (!opened) opened = open_single(MappedFile::open(index.path().parent_path() / shard));
    const auto& held = opened->names();
    if (!std::binary_search(held.begin(), held.end(), name)) {
      refuse(index, cat("the shard ", quoted(shard), " does not hold tensor ", quoted(name)));
    }
    shard_of_[name] = opened.get();
    names_.push_back(name);
  }
  std::sort(names_.begin(), names_.end());
}

uint64_t header_length(std::string_view bytes) {
  uint64_t length = UINT64_MAX;
  if (bytes.size() >= sizeof length) std::memcpy(&length, bytes.data(), sizeof length);
  return length;
}

bool is_index(std::string_view bytes) {
  const size_t first = bytes.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && bytes[first] == '{' && header_length(bytes) > kMaxIndex;
}

std::unique_ptr<Checkpoint> open_single(std::shared_ptr<const MappedFile> file) {
  const std::string_view bytes = file->bytes();
  if (is_gguf(bytes)) return read_gguf(std::move(file));
  if (bytes.starts_with("PK\x03\x04")) return read_torch_zip(std::move(file));
  if (bytes.size() > 8 && bytes[8] == '{') return read_safetensors(std::move(file));
  if (is_torch_legacy(bytes)) return read_torch_legacy(std::move(file));
  if (bytes.starts_with('\x80')) {
    refuse(*file,
           "a pickle that torch.save did not write. If you trust it and it holds tensors, convert it: "
           "torch.save(pickle.load(open(FILE, 'rb')), NEW)");
  }
  if (bytes.size() > kTarMagic && bytes.substr(kTarMagic).starts_with("ustar")) {
    refuse(
        *file,
        "a tar archive. If torch.save wrote it (before torch 0.1.10) and you trust it, convert it: "
        "torch.save(torch.load(FILE, map_location='cpu', weights_only=False), NEW). Otherwise unpack it and "
        "give the file inside");
  }
  if (header_length(bytes) < bytes.size())
    return read_safetensors(std::move(file));  // its error says what is wrong
  refuse(*file, "neither safetensors nor GGUF nor a file of torch.save nor an index of shards");
}

fs::path file_in_folder(const fs::path& folder) {
  for (const char* name : {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                           "pytorch_model.bin.index.json"}) {
    std::error_code unreadable;
    if (fs::exists(folder / name, unreadable)) return folder / name;
    if (unreadable)
      throw Error(cat("the folder ", quoted(folder.string()), " can't be read: ", unreadable.message()));
  }
  throw Error(cat(printable(folder.string(), 1000),
                  ": the folder holds neither model.safetensors nor pytorch_model.bin, nor an index "
                  "(.index.json) of either"));
}

}  // namespace

std::unique_ptr<Checkpoint> open_checkpoint(const fs::path& path) {
  std::error_code ignored;
  auto file = MappedFile::open(fs::is_directory(path, ignored) ? file_in_folder(path) : path);
  if (is_index(file->bytes())) return without_training_prefixes(std::make_unique<ShardedCheckpoint>(*file));
  return without_training_prefixes(open_single(std::move(file)));
}

}  // namespace flam
