#pragma once
#include <memory>

#include "framework/component/tokenizer.h"
#include "framework/registry/registry.h"

namespace flam {

/// A tokenizer and the registry whose library it lives in.
struct MadeTokenizer {
  std::shared_ptr<Registry> registry;
  std::unique_ptr<Tokenizer> tokenizer;
  Tokenizer* operator->() const { return tokenizer.get(); }
};

/// Built from its plugin with these parameters, and opened.
inline MadeTokenizer make_tokenizer(const std::string& name, Value params, int64_t vocab_size) {
  MadeTokenizer made;
  made.registry = std::make_shared<Registry>();
  made.registry->load(std::string(FLAM_BUILD_DIR "/lib/flamboyance/plugins/libflam_tokenizer_") + name +
                      ".so");
  params.set("type", name);
  ErrorList errors;
  const ComponentConfig config = made.registry->parse("tokenizer", params, errors);
  errors.throw_if_any();
  made.tokenizer = made.registry->build<Tokenizer>(config, {vocab_size});
  made.tokenizer->load("");
  return made;
}

}  // namespace flam
