#pragma once
// Maps the keys of published checkpoints to a component's own names.

#include <cstdint>
#include <string>
#include <vector>

#include "framework/base/export.h"

namespace flam {

/// `{}` stands for a number and is carried over in order: {"resblocks.{}.attn.in_proj_weight",
/// "blocks.{}.attn.qkv.weight"}.
struct NameRule {
  std::string from;  // key in the file, after the layout's prefix
  std::string to;    // name in the component; "": known and not used
  int part = -1;     // index of a part of a fused tensor; -1: the whole tensor
  /// Not 0: the number of heads that the rows belong to. The file has the two rows of a rotary pair side by
  /// side (GGUF files of llama), the component has first all first rows of a head, then all second ones.
  int64_t interleaved_heads = 0;
};

/// Rules for FROM.weight and FROM.bias of a layer. `to` empty: known and not used.
FLAM_API void rename_layer(std::vector<NameRule>& rules, const std::string& from, const std::string& to,
                           int part = -1);
/// The same for a batch norm: its running statistics too; `num_batches_tracked` is not used.
FLAM_API void rename_batch_norm(std::vector<NameRule>& rules, const std::string& from, const std::string& to);

struct NamingTable {
  std::string name;  // "openai", "huggingface", "mmpretrain", …
  std::vector<NameRule> rules;
  /// The `general.architecture` of the GGUF files that the table is for; empty: for any file. Tables of
  /// different architectures may have the same name.
  std::string architecture = {};
};

struct NameMatch {
  std::string to;
  int part = -1;
  int64_t interleaved_heads = 0;
};

/// Finds the first rule that matches `key` and fills in its numbers. Returns false if no rule matches.
FLAM_API bool match_name(const NamingTable& table, const std::string& key, NameMatch& match);
/// Whether a pattern matches a key; `{}` matches a number and `*` any text.
FLAM_API bool match_pattern(const std::string& pattern, const std::string& key);

}  // namespace flam
