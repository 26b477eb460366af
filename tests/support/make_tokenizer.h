#pragma once
#include "framework/component/tokenizer.h"
#include "tests/support/make_component.h"

namespace flam {

/// A tokenizer, its file opened.
inline Made<Tokenizer> make_tokenizer(const std::string& name, const Value& params, int64_t vocab_size) {
  auto made = make_component<Tokenizer>(name, params, {vocab_size});
  made->load("");
  return made;
}

}  // namespace flam
