#pragma once
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "framework/component/types.h"
#include "framework/weights/checkpoint.h"

namespace flam {

/// A stored dump of a reference implementation: NAME.safetensors (tensors) and NAME.json (prompts, pictures,
/// texts). docs/verify.md describes the format.
class FLAM_API ReferenceCase {
 public:
  /// `path` names either file. Error: a file is missing or malformed.
  static ReferenceCase open(const std::filesystem::path& path);

  size_t rows() const { return prompt_texts_.size(); }
  /// The stored prompts with their pictures and videos; `marker` takes the place of a `<video>` in them.
  /// Their text is template text, because the reference encoded the names of special tokens in it as these
  /// tokens.
  std::vector<Prompt> prompts(const std::string& marker) const;
  /// The request that leads to this row's prompt, if the dump has the data for it (caption: shots; VQA: shots
  /// and `questions`; `messages`).
  std::optional<Request> request(size_t row) const;
  /// The row's prompt with the texts that the layout puts in place of the media markers, if it is stored.
  std::optional<std::string> expanded_text(size_t row) const;
  int64_t max_new_tokens() const { return max_new_tokens_; }
  /// The tensor of a stage; nullopt if it is not stored. Older names of stages are also found:
  /// `vit_patch_tokens` and `vision_out` for "vision_features", `perceiver_out` for "media_tokens",
  /// `pixel_values` for "images".
  std::optional<at::Tensor> tensor(const std::string& name) const;
  /// The length penalty that a run of the dump, such as "beam3", was made with; nullopt if it doesn't say.
  std::optional<double> length_penalty(const std::string& run) const;
  /// The stored text or answer of a generated row, for example generated("greedy", "answer", 0).
  std::optional<std::string> generated(const std::string& run, const std::string& field, size_t row) const;

 private:
  std::shared_ptr<const nlohmann::json> json_;
  std::shared_ptr<Checkpoint> tensors_;
  std::vector<std::string> prompt_texts_;
  std::vector<std::vector<Part>> media_;  // of each row; their paths include the dump's folder
  std::vector<Request> conversations_;    // of the rows; empty if the dump has no messages
  int64_t max_new_tokens_ = 20;
};

/// The stage that a tensor of a dump belongs to: its name, or today's name for an older one.
FLAM_API std::string stage_of(const std::string& tensor);

}  // namespace flam
