#pragma once
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "framework/component/types.h"
#include "framework/weights/checkpoint.h"

namespace flam {

/// A stored dump of a reference: NAME.safetensors (tensors) and NAME.json (prompts, pictures, texts). The
/// format stands in docs/verify.md.
class ReferenceCase {
 public:
  /// `path` names either file. Error: one is missing or has another form.
  static ReferenceCase open(const std::filesystem::path& path);

  size_t rows() const { return prompt_texts_.size(); }
  const std::string& prompt_text(size_t row) const { return prompt_texts_[row]; }
  /// The stored prompts with the paths of their pictures. Their text is template text: the reference read every
  /// token in it as a token.
  std::vector<Prompt> prompts() const;
  /// What a user would ask for this row, where the dump tells (caption: shots; VQA: shots and `questions`).
  std::optional<Request> request(size_t row) const;
  int64_t max_new_tokens() const { return max_new_tokens_; }
  /// The tensor of a stage, also under the older names of stages: `vit_patch_tokens` and `vision_out` are
  /// "vision_features", `perceiver_out` is "media_tokens".
  std::optional<at::Tensor> tensor(const std::string& name) const;
  /// The text or answer stored for a generated row, e.g. generated("greedy", "answer", 0).
  std::optional<std::string> generated(const std::string& run, const std::string& field, size_t row) const;

 private:
  std::shared_ptr<const nlohmann::json> json_;
  std::shared_ptr<Checkpoint> tensors_;
  std::vector<std::string> prompt_texts_;
  std::vector<std::vector<std::string>> pictures_;  // of each row, absolute paths
  int64_t max_new_tokens_ = 20;
};

}  // namespace flam
