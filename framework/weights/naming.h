#pragma once
// Maps the keys of published checkpoints to a component's own names.

#include <ATen/core/Tensor.h>

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
  bool transposed = false;  // the file has the matrix as [in,out] (GPT-2's Conv1D)
  /// Not 0: the number of heads of a tensor whose rows are those of several parts, such as queries, keys and
  /// values. The file has the rows of all parts of the first head, then those of the second one (GPT-NeoX);
  /// the component has all rows of the first part, then those of the second one.
  int64_t parts_of_heads = 0;
  /// Not 0: the file's tensor holds this many parts of equal size, and the rule is for the rows of part
  /// `slice`, after parts_of_heads. One rule for each part that is used, all with the same `from`.
  int64_t slices = 0;
  int64_t slice = 0;
};

/// Brings a stored tensor into the component's order, and takes the rule's slice of it. `parts`: how many
/// parts the component's fused tensor has, 0 if it is not fused. A shape that does not suit the rule is left
/// as it is.
FLAM_API at::Tensor arranged(const at::Tensor& stored, const NameRule& rule, size_t parts);

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
  const NameRule* rule = nullptr;  // of the table
};

/// Finds the first rule that matches `key` and fills in its numbers. Returns false if no rule matches.
FLAM_API bool match_name(const NamingTable& table, const std::string& key, NameMatch& match);
/// Whether a pattern matches a key; `{}` matches a number and `*` any text.
FLAM_API bool match_pattern(const std::string& pattern, const std::string& key);

}  // namespace flam
