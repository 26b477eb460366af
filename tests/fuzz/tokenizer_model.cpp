// SentencePiece files: the library must not crash on a file that passes our check.
#include <sentencepiece_processor.h>

#include "plugins/tokenizer/sentencepiece/model_check.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace flam;
  const std::string_view bytes = test::as_text(data, size);
  test::refusing([&] {
    check_model(bytes, "fuzz");
    sentencepiece::SentencePieceProcessor processor;
    if (!processor.LoadFromSerializedProto(bytes).ok()) return;
    std::vector<int> ids;
    std::string text;
    if (processor.Encode("A picture of \xe2\x96\x81 two cats\xc3\xa9.", &ids).ok())
      (void)processor.Decode(ids, &text);
  });
  return 0;
}
