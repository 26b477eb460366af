#include "framework/recipe/import/embedding_rows.h"

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/weights/checkpoint.h"

namespace flam {

void check_embedding_rows(const std::filesystem::path& folder, const Value& vocab_size) {
  std::unique_ptr<Checkpoint> weights;
  try {
    weights = open_checkpoint(folder);
  } catch (const Error&) {
    return;
  }
  for (const std::string& name : weights->names()) {
    if (!name.ends_with("embed_tokens.weight")) continue;
    const at::Tensor rows = weights->meta_tensor(name);
    if (rows.dim() != 2 || rows.size(0) == vocab_size.as_int()) continue;
    const std::string file = weights->file_of(name)->path().lexically_normal().string();
    throw Error(vocab_size.where(),
                cat("vocab_size is ", vocab_size.as_int(), ", but ", quoted(name), " in ", quoted(file),
                    " has ", rows.size(0), " rows; are they files of two models?"));
  }
}

}  // namespace flam
