#include "framework/weights/layout.h"

#include <algorithm>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/weights/naming_rule.h"
#include "framework/weights/training_prefixes.h"

namespace flam {

namespace {

constexpr size_t kMaxListed = 20;
constexpr int kMostHintedParts = 8;  // of a prefix

/// The table that a rule names; nullptr for the component's own names.
const NamingTable* find_table(const LayoutRule& rule, const Checkpoint& opened, const NamingLookup& namings,
                              const Location& where) {
  if (rule.slot.empty() && rule.naming.empty()) return nullptr;
  const std::vector<NamingTable>* tables = namings(rule.slot);
  if (!tables) {
    throw Error(where, cat("weights: layout names the slot ", quoted(rule.slot),
                           ", expected one of vision_backbone, resampler, adapter, language_decoder"));
  }
  if (rule.naming.empty()) return nullptr;
  const auto metadata = opened.metadata();
  const auto stated = metadata.find("general.architecture");
  const std::string architecture = stated == metadata.end() ? "" : stated->second;
  std::vector<std::string> known, architectures;
  for (const NamingTable& table : *tables) {
    if (std::ranges::find(known, table.name) == known.end()) known.push_back(table.name);
    if (table.name != rule.naming) continue;
    if (table.architecture.empty() || table.architecture == architecture) return &table;
    architectures.push_back(table.architecture);
  }
  if (!architectures.empty()) {
    throw Error(
        where,
        cat("weights: the naming ", quoted(rule.naming), " of ", rule.slot,
            " is for GGUF files of the architectures ", join(architectures, ", "), "; this file ",
            architecture.empty() ? "names none (general.architecture)" : "is of " + quoted(architecture)));
  }
  throw Error(where, cat("weights: ", rule.slot, " has no naming ", quoted(rule.naming),
                         did_you_mean(rule.naming, known),
                         " (known: ", known.empty() ? "none but its own names, ''" : join(known, ", "), ")"));
}

/// Returns a rule's prefix as it occurs in the names of the opened checkpoint. The rule may contain parts
/// that were removed from those names: the name of the dict and training prefixes.
std::string prefix_in(const Checkpoint& opened, const std::string& prefix) {
  const auto begins = [&](const std::string& name) { return name.starts_with(prefix); };
  if (prefix.empty() || std::ranges::any_of(opened.names(), begins)) return prefix;
  for (const std::string& wrapper : opened.wrappers()) {
    const std::string head = wrapper + ".";
    if (!prefix.starts_with(head)) continue;
    return (opened.wrappers().size() > 1 ? head : "") + without_training_prefixes(prefix.substr(head.size()));
  }
  return without_training_prefixes(prefix);
}

}  // namespace

/// Returns "HEAD:" and at most kMaxListed of the lines.
std::string listing(const std::string& head, const std::vector<std::string>& lines) {
  std::string text = head + ":";
  for (size_t i = 0; i < lines.size() && i < kMaxListed; ++i) text += "\n    " + printable(lines[i], 1000);
  if (lines.size() > kMaxListed) text += cat("\n    and ", lines.size() - kMaxListed, " more");
  return text;
}

Layout::Layout(const WeightsFile& file, const Checkpoint& opened, const WeightStore& store,
               const NamingLookup& namings)
    : store_(store), file_(file) {
  const std::vector<LayoutRule> own_names{LayoutRule{}};
  for (const LayoutRule& rule : file.layout.empty() ? own_names : file.layout) {
    rules_.push_back({prefix_in(opened, rule.prefix), rule.slot.empty() ? "" : rule.slot + ".",
                      find_table(rule, opened, namings, file.where)});
  }
  if (opened.wrappers().size() > 1) choose_wrappers(file, opened);
}

void Layout::choose_wrappers(const WeightsFile& file, const Checkpoint& opened) {
  std::vector<std::string> listed;
  for (const std::string& wrapper : opened.wrappers()) {
    const std::string start = wrapper + ".";
    const auto begins = [&](const std::string& name) { return name.starts_with(start); };
    const bool named = std::ranges::any_of(rules_, begins, &Rule::prefix);
    if (!named) wrappers_left_out_.push_back(wrapper);
    listed.push_back(
        cat(wrapper, " (", counted(std::ranges::count_if(opened.names(), begins), "tensor"), ")"));
  }
  if (wrappers_left_out_.size() < opened.wrappers().size()) return;
  const std::string& some = opened.wrappers().front();
  throw Error(
      file.where,
      listing(cat(printable(opened.file_of(opened.names().front())->path().string(), 1000),
                  ": holds several dicts of tensors (begin the `prefix` of the layout's rules with the name "
                  "of the one that you want, such as `prefix: ",
                  printable(some), ".`)"),
              listed));
}

bool Layout::leaves_out(const std::string& key) const {
  const auto ignores = [&](const std::string& pattern) {
    return match_pattern(pattern, key) || match_pattern(without_training_prefixes(pattern), key);
  };
  const auto holds = [&](const std::string& wrapper) { return key.starts_with(wrapper + "."); };
  return std::ranges::any_of(file_.ignore, ignores) || std::ranges::any_of(wrappers_left_out_, holds);
}

bool Layout::has_place(const std::string& name, int part) const {
  const auto slot = store_.find(name);
  return slot && part < static_cast<int>(slot->parts.size());
}

std::vector<Target> Layout::targets_of(const std::string& key) const {
  for (const Rule& rule : rules_) {
    if (!key.starts_with(rule.prefix)) continue;
    const std::string rest = key.substr(rule.prefix.size());
    if (!rule.table) {
      if (has_place(rule.scope + rest, -1)) return {Target{rule.scope + rest}};
      continue;
    }
    std::vector<Target> slices;
    for (const NameRule& naming : rule.table->rules) {
      NameMatch match;
      if (!match_rule(naming, rest, match)) continue;
      if (naming.slices == 0 && !slices.empty()) continue;
      if (match.to.empty()) return {Target{}};
      if (!has_place(rule.scope + match.to, match.part)) continue;
      const Target target{rule.scope + match.to, match.part, match.rule};
      if (naming.slices == 0) return {target};
      slices.push_back(target);
    }
    if (!slices.empty()) return slices;
  }
  return {};
}

std::string Layout::prefix_hint(const std::vector<std::string>& unexpected) const {
  const std::string& first = unexpected.front();
  size_t dot = first.find('.');
  for (int parts = 0; dot != std::string::npos && parts < kMostHintedParts; ++parts) {
    const std::string prefix = first.substr(0, dot + 1);
    const auto fits = [&](const std::string& key) {
      return key.starts_with(prefix) && !targets_of(key.substr(prefix.size())).empty();
    };
    dot = first.find('.', dot + 1);
    if (!std::ranges::all_of(unexpected, fits)) continue;
    const std::string shown = printable(prefix);
    if (!file_.layout.empty())
      return cat("\n  (all of them would fit without '", shown,
                 "': begin each `prefix` of the layout with it)");
    const std::string name = targets_of(first.substr(prefix.size())).front().name,
                      slot = name.substr(0, name.find('.'));
    return cat("\n  (all of them would fit without '", shown,
               "': give the file a `layout` with a rule for each part of the model, such as {prefix: ", shown,
               slot, "., slot: ", slot, "})");
  }
  for (const Rule& rule : rules_) {
    for (dot = rule.prefix.find('.'); dot != std::string::npos; dot = rule.prefix.find('.', dot + 1)) {
      const std::string prefix = rule.prefix.substr(0, dot + 1);
      const auto fits = [&](const std::string& key) { return !targets_of(prefix + key).empty(); };
      if (std::ranges::all_of(unexpected, fits))
        return cat("\n  (all of them would fit behind '", printable(prefix),
                   "', with which the layout's `prefix` begins but no key of the file)");
    }
  }
  return "";
}

}  // namespace flam
