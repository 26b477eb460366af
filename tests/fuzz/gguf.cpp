// GGUF files: metadata, tensors, and the tokenizers that two plugins make of the metadata.
#include "framework/weights/formats/gguf.h"

#include <ATen/TensorOperators.h>

#include "framework/base/file.h"
#include "framework/weights/checkpoint.h"
#include "plugins/tokenizer/byte_bpe/bpe_file.h"
#include "plugins/tokenizer/byte_bpe/merges.h"
#include "plugins/tokenizer/sentencepiece/gguf_model.h"
#include "plugins/tokenizer/sentencepiece/model_check.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace flam;
  const test::MemoryFile file(data, size);
  test::refusing([&] {
    const auto checkpoint = open_checkpoint(file.path());
    for (const std::string& name : checkpoint->names()) {
      if (checkpoint->meta_tensor(name).numel() < 1 << 16)
        checkpoint->tensor(name).contiguous().view({-1}).view(at::kByte).sum();
    }
  });
  test::refusing([&] {
    const GgufMetadata metadata(MappedFile::open(file.path()));
    check_model(sentencepiece_of_gguf(metadata), "fuzz");
  });
  test::refusing([&] {
    const BpeFile bpe = read_gguf_tokenizer(file.path(), PreTokenizerKind::gpt2);
    std::vector<int64_t> ids;
    Merges(bpe, std::vector<bool>(static_cast<size_t>(bpe.size))).encode("a picture of two cats", ids);
    for (const int64_t id : ids) {
      if (id < 0 || id >= bpe.size) __builtin_trap();
    }
  });
  return 0;
}
