#pragma once
// The formats behind open_checkpoint. Each checks the whole table of its file before it returns.

#include <memory>
#include <string_view>

#include "framework/base/file.h"
#include "framework/weights/checkpoint.h"

namespace flam {

/// How the elements of a quantised tensor are stored: block after block.
struct BlockFormat {
  const char* name;
  int64_t elements, bytes;                           // of a block
  void (*decode)(const uint8_t* block, float* out);  // writes `elements` numbers
};

/// One tensor inside a mapped file. The code that creates it checks that its bytes lie inside the mapping.
struct StoredTensor {
  at::ScalarType dtype;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;  // in elements; empty: contiguous
  const std::byte* data = nullptr;
  const BlockFormat* blocks = nullptr;  // null: elements of `dtype`; else `dtype` is that of decoded blocks
};

/// The tensors of one mapped file.
class MappedCheckpoint final : public Checkpoint {
 public:
  MappedCheckpoint(std::shared_ptr<const MappedFile> file, std::map<std::string, StoredTensor> tensors,
                   std::map<std::string, std::string> metadata = {}, std::vector<std::string> wrappers = {});
  const std::vector<std::string>& names() const override { return names_; }
  const std::vector<std::string>& wrappers() const override { return wrappers_; }
  at::Tensor tensor(const std::string& name) const override;
  at::Tensor meta_tensor(const std::string& name) const override;
  Stored stored(const std::string& name) const override;
  std::shared_ptr<const MappedFile> file_of(const std::string& name) const override;
  std::map<std::string, std::string> metadata() const override { return metadata_; }

 private:
  const StoredTensor& find(const std::string& name) const;

  std::shared_ptr<const MappedFile> file_;
  std::map<std::string, StoredTensor> tensors_;
  std::map<std::string, std::string> metadata_;
  std::vector<std::string> names_, wrappers_;
};

std::unique_ptr<Checkpoint> read_safetensors(std::shared_ptr<const MappedFile> file);
std::unique_ptr<Checkpoint> read_gguf(std::shared_ptr<const MappedFile> file);
std::unique_ptr<Checkpoint> read_torch_zip(std::shared_ptr<const MappedFile> file);

/// Whether the file is in the legacy format of torch.save, which torch before 1.6 writes.
bool is_torch_legacy(std::string_view bytes);
std::unique_ptr<Checkpoint> read_torch_legacy(std::shared_ptr<const MappedFile> file);

/// Throws an Error that names the file.
[[noreturn]] void refuse(const MappedFile& file, const std::string& why);

/// The product of the sizes; -1 if a size is negative or the product needs more than 63 bits.
int64_t checked_numel(const std::vector<int64_t>& shape);

}  // namespace flam
