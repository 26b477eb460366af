#pragma once
#include <gtest/gtest.h>

#include "framework/base/file.h"
#include "tests/support/gguf_file.h"
#include "tests/support/make_tokenizer.h"
#include "tests/support/scratch.h"

namespace flam::test {

/// For tests of a tokenizer that reads GGUF files.
class GgufTokenizer : public testing::Test {
 protected:
  GgufTokenizer(std::string name, int64_t vocab_size) : name_(std::move(name)), vocab_size_(vocab_size) {
    params.set("model", (scratch_ / "v.gguf").string());
  }

  /// The metadata of a tokenizer with these tokens, to which others are added.
  static GgufFile tokens(const char* model, const std::vector<std::string>& tokens,
                         const std::vector<int32_t>& types) {
    return GgufFile()
        .key("tokenizer.ggml.model", model)
        .key("tokenizer.ggml.tokens", tokens)
        .key("tokenizer.ggml.token_type", types);
  }
  Built<Tokenizer> open(const GgufFile& file) {
    write_file(scratch_ / "v.gguf", file.bytes());
    return make_tokenizer(name_, params, vocab_size_);
  }
  std::string refusal(const GgufFile& file) {
    return error_of([&] { open(file); });
  }

  Value params = Value::map();

 private:
  std::string name_;
  int64_t vocab_size_;
  Scratch scratch_;
};

}  // namespace flam::test
