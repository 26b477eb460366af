#include "framework/weights/load_plan.h"

#include <ATen/ops/equal.h>

#include <algorithm>

#include "framework/base/text.h"
#include "framework/weights/naming_rule.h"

namespace flam {

namespace {

constexpr size_t kMaxListed = 20;

/// "HEAD:" and at most kMaxListed lines.
std::string listing(const std::string& head, const std::vector<std::string>& lines) {
  std::string text = head + ":";
  for (size_t i = 0; i < lines.size() && i < kMaxListed; ++i) text += "\n    " + lines[i];
  if (lines.size() > kMaxListed) text += cat("\n    and ", lines.size() - kMaxListed, " more");
  return text;
}

std::vector<int64_t> without_ones(at::IntArrayRef shape) {
  std::vector<int64_t> kept;
  std::copy_if(shape.begin(), shape.end(), std::back_inserter(kept), [](int64_t size) { return size != 1; });
  return kept;
}

/// The table that a rule names; nullptr for the component's own names.
const NamingTable* find_table(const LayoutRule& rule, const NamingLookup& namings, const Location& where) {
  if (rule.slot.empty() && rule.naming.empty()) return nullptr;
  const std::vector<NamingTable>* tables = namings(rule.slot);
  if (!tables) {
    throw Error(where, cat("weights: layout names the slot ", quoted(rule.slot),
                           ", expected one of vision_backbone, resampler, adapter, language_decoder"));
  }
  if (rule.naming.empty()) return nullptr;
  std::vector<std::string> known;
  for (const NamingTable& table : *tables) {
    if (table.name == rule.naming) return &table;
    known.push_back(table.name);
  }
  throw Error(where, cat("weights: ", rule.slot, " has no naming ", quoted(rule.naming),
                         did_you_mean(rule.naming, known),
                         " (known: ", known.empty() ? "none but its own names, ''" : join(known, ", "), ")"));
}

class Planner {
 public:
  Planner(const WeightStore& store, const NamingLookup& namings) : store_(store), namings_(namings) {}

  void add(const WeightsFile& file, const std::filesystem::path& path) {
    try {
      plan_.files.push_back(open_checkpoint(path));
    } catch (const Error& error) {
      throw Error(file.where, error.what());
    }
    std::vector<const NamingTable*> tables;
    const std::vector<LayoutRule> own_names{LayoutRule{}};
    const auto& layout = file.layout.empty() ? own_names : file.layout;
    tables.reserve(layout.size());
    for (const LayoutRule& rule : layout) tables.push_back(find_table(rule, namings_, file.where));

    unexpected_.clear();
    misshapen_.clear();
    for (const std::string& key : plan_.files.back()->names()) {
      const bool ignored =
          std::any_of(file.ignore.begin(), file.ignore.end(),
                      [&](const std::string& pattern) { return match_pattern(pattern, key); });
      if (!ignored && !place(key, layout, tables)) unexpected_.push_back(printable(key));
    }
    const std::string name = printable(path.string(), 1000);
    if (!unexpected_.empty()) {
      errors_.add(file.where, listing(cat(name, ": ", unexpected_.size(),
                                          " unexpected tensors (no rule of the layout takes "
                                          "them; `ignore` lists what is not needed)"),
                                      unexpected_));
    }
    if (!misshapen_.empty()) {
      errors_.add(file.where, listing(cat(name, ": ", misshapen_.size(), " tensors do not fit"), misshapen_));
    }
  }

  LoadPlan finish(const Location& where) {
    std::vector<std::string> missing;
    for (const auto& slot : store_.slots()) {
      const auto found = plan_.fillings.find(slot.get());
      const bool whole = found != plan_.fillings.end() && found->second.whole;
      for (size_t part = 0; !whole && part < std::max<size_t>(1, slot->parts.size()); ++part) {
        const bool given =
            found != plan_.fillings.end() && part < found->second.parts.size() && found->second.parts[part];
        const std::string which = slot->parts.empty() ? "" : cat(", part ", part, " of ", slot->parts.size());
        if (!given) missing.push_back(cat(slot->name, " ", at::IntArrayRef(slot->shape), which));
      }
    }
    if (!missing.empty())
      errors_.add(where, listing(cat("weights: ", missing.size(), " tensors are in no file"), missing) +
                             "\n  (`--weights random` runs a model without files)");
    errors_.throw_if_any();
    return std::move(plan_);
  }

 private:
  /// False when no rule takes the key.
  bool place(const std::string& key, const std::vector<LayoutRule>& layout,
             const std::vector<const NamingTable*>& tables) {
    for (size_t i = 0; i < layout.size(); ++i) {
      if (!key.starts_with(layout[i].prefix)) continue;
      const std::string rest = key.substr(layout[i].prefix.size());
      const std::string scope = layout[i].slot.empty() ? "" : layout[i].slot + ".";
      if (!tables[i]) {
        if (assign(key, scope + rest, -1)) return true;
        continue;
      }
      for (const NameRule& rule : tables[i]->rules) {
        NameMatch match;
        if (!match_rule(rule, rest, match)) continue;
        if (match.to.empty() || assign(key, scope + match.to, match.part)) return true;
      }
    }
    return false;
  }

  /// Puts the newest file's tensor `key` into the slot `target`; false when there is no such slot.
  bool assign(const std::string& key, const std::string& target, int part) {
    const auto slot = store_.find(target);
    if (!slot || part >= static_cast<int>(slot->parts.size())) return false;
    const Source source{plan_.files.size() - 1, key, target};
    check_shape(source, *slot, part);
    Filling& filling = plan_.fillings[slot.get()];
    filling.parts.resize(slot->parts.size());
    const auto same_file = [&](const std::optional<Source>& other) {
      return other && other->file == source.file;
    };
    if (part < 0) {
      const auto rival = std::find_if(filling.parts.begin(), filling.parts.end(), same_file);
      if (rival != filling.parts.end()) clash(source, **rival);
      if (same_file(filling.whole) && !tied_twin(source, *filling.whole)) clash(source, *filling.whole);
      filling = {source, std::vector<std::optional<Source>>(slot->parts.size())};
    } else {
      auto& place = filling.parts[static_cast<size_t>(part)];
      if (same_file(filling.whole)) clash(source, *filling.whole);
      if (same_file(place)) clash(source, *place);
      place = source;
    }
    return true;
  }

  void clash(const Source& source, const Source& other) {
    misshapen_.push_back(
        cat(printable(source.key), " and ", printable(other.key), " both fill ", source.target));
  }

  /// Files hold a tied tensor once or under each of its names.
  bool tied_twin(const Source& source, const Source& other) const {
    return source.target != other.target && at::equal(plan_.tensor(source), plan_.tensor(other));
  }

  void check_shape(const Source& source, const WeightSlot& slot, int part) {
    const at::Tensor tensor = plan_.tensor(source);
    std::vector<int64_t> wanted = slot.shape;
    if (part >= 0) wanted[0] = slot.parts[static_cast<size_t>(part)];
    if (!shapes_agree(tensor.sizes(), wanted, slot.vocabulary && part < 0)) {
      misshapen_.push_back(cat(printable(source.key), " is ", tensor.sizes(), " in the file, ", source.target,
                               " is ", at::IntArrayRef(wanted), " in the model"));
    } else if (!tensor.is_floating_point()) {
      misshapen_.push_back(cat(printable(source.key), " holds ", c10::toString(tensor.scalar_type()),
                               ", expected floating-point numbers for ", source.target));
    }
  }

  const WeightStore& store_;
  const NamingLookup& namings_;
  LoadPlan plan_;
  ErrorList errors_;
  std::vector<std::string> unexpected_, misshapen_;
};

}  // namespace

bool shapes_agree(at::IntArrayRef found, at::IntArrayRef wanted, bool vocabulary) {
  if (without_ones(found) == without_ones(wanted)) return true;
  return vocabulary && found.size() == wanted.size() && found[0] > 0 && found[0] < wanted[0] &&
         found.slice(1) == wanted.slice(1);
}

LoadPlan plan_loading(const WeightStore& store, const WeightsConfig& config, const NamingLookup& namings) {
  if (config.files.empty()) throw Error("weights.files lists no file; give files, or ask for random weights");
  Planner planner(store, namings);
  for (const WeightsFile& file : config.files)
    planner.add(file, std::filesystem::path(config.root) / file.path);
  return planner.finish(config.files.front().where);
}

}  // namespace flam
