#pragma once
// Rules that turn the JSON files of another project into a config. They are data: families/NAME.yaml has the
// rules of some architectures, parts/NAME.yaml those of a part of a model that families share,
// ignored.yaml the keys that never change what is computed, and advice.yaml what to do about some that do.
// docs/models.md describes them.

#include <string>
#include <vector>

#include "framework/config/value.h"

namespace flam {

struct RuleFile {
  std::string name;  // "families/llava.yaml"
  std::string text;
};
/// All files of rules, sorted by name.
const std::vector<RuleFile>& rule_files();

/// The parsed files in a folder of rules, such as "families", with their names without suffix. A file with
/// `_base_: NAME` holds only what differs from another file of the folder.
std::vector<std::pair<std::string, Value>> rules_in(const std::string& folder);

/// Gives a value from a file of rules, and all values in it, the place in the user's files that the rule was
/// applied for.
void set_places(Value& value, const Location& where);

/// Applies rules to the files of a model, one after the other.
class RuleReader {
 public:
  /// `config` is written to, `errors` collects what can't be imported.
  RuleReader(Value& config, ErrorList& errors);

  /// Applies the map `rules` to the map `section`, the whole of a file or a part of it called `name`. Keys
  /// that the section lacks get the defaults of their rules.
  void apply(const Value& section, const Value& rules, const std::string& name);

 private:
  void apply_present(const Value::Member& member, const Value& rule, const std::string& name);
  void apply_defaults(const Value& rules, const Location& where);
  void apply_part(const Value& section, const Value& rule, const std::string& name);
  void write(const Value& rule, const Value& value, const std::string& name);
  bool is_ignored(const std::string& key) const;
  /// Why a key can't be imported, and what to do.
  std::string refusal(const std::string& key) const;

  Value& config_;
  ErrorList& errors_;
  Value ignored_, advice_;
};

}  // namespace flam
