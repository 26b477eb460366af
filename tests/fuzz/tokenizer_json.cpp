// tokenizer.json of byte-level BPE: a file that is read must encode and decode any text.
#include "plugins/tokenizer/byte_bpe/bpe_file.h"
#include "plugins/tokenizer/byte_bpe/merges.h"
#include "plugins/tokenizer/byte_bpe/pre_tokenizer.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace flam;
  const test::MemoryFile file(data, size);
  test::refusing([&] {
    const BpeFile bpe = read_tokenizer_json(file.path());
    std::vector<bool> reserved(static_cast<size_t>(bpe.size));
    for (const auto& added : bpe.added) reserved.at(static_cast<size_t>(added.id)) = true;
    const Merges merges(bpe, reserved);
    const PreTokenizer pre_tokenizer(bpe.pre_tokenizer);
    std::vector<int64_t> ids;
    pre_tokenizer.split("A picture of  12345 cat's \xc3\xa9\xff\n\n.",
                        [&](std::string_view piece) { merges.encode(piece, ids); });
    for (const int64_t id : ids) {
      if (id < 0 || id >= bpe.size) __builtin_trap();
    }
  });
  return 0;
}
