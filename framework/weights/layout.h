#pragma once
// The layout of one file: the slot to which each of its keys belongs.

#include <string>
#include <vector>

#include "framework/weights/load.h"

namespace flam {

struct Target {
  std::string name;                // of a slot, or an alias of it; "": the key is known and not used
  int part = -1;                   // index of a part of a fused tensor; -1: the whole tensor
  const NameRule* rule = nullptr;  // that gave the name; null: the component's own names
};

class Layout {
 public:
  /// Error: a rule names a slot or naming table that does not exist or is for other architectures, or the
  /// file holds several dicts of tensors and no rule names one of them.
  Layout(const WeightsFile& file, const Checkpoint& opened, const WeightStore& store,
         const NamingLookup& namings);

  /// Whether the key is ignored, or in a dict of tensors that no rule names.
  bool leaves_out(const std::string& key) const;
  /// Returns where the key belongs: one target, or several if rules take slices of its tensor. None if no
  /// rule matches it.
  std::vector<Target> targets_of(const std::string& key) const;
  /// Returns a hint for messages: which prefix to change if a wrong prefix is the only reason why all of
  /// `unexpected` are unexpected; otherwise "".
  std::string prefix_hint(const std::vector<std::string>& unexpected) const;

 private:
  struct Rule {
    std::string prefix, scope;  // "lang_encoder.", "adapter."
    const NamingTable* table;   // null: the component's own names
  };
  void choose_wrappers(const WeightsFile& file, const Checkpoint& opened);
  bool has_place(const std::string& name, int part) const;

  const WeightStore& store_;
  const WeightsFile& file_;
  std::vector<Rule> rules_;
  std::vector<std::string> wrappers_left_out_;
};

/// Returns "HEAD:" and the first of the lines, with control characters escaped.
std::string listing(const std::string& head, const std::vector<std::string>& lines);

}  // namespace flam
