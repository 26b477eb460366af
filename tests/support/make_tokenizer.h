#pragma once
#include "framework/component/tokenizer.h"
#include "framework/testing/component.h"

namespace flam {

/// Makes a tokenizer and opens its file.
inline Built<Tokenizer> make_tokenizer(const std::string& name, Value params, int64_t vocab_size) {
  params.set("type", name);
  Built<Tokenizer> made(params, {vocab_size});
  made->load("");
  return made;
}

}  // namespace flam
