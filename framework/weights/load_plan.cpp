#include "framework/weights/load_plan.h"

#include <ATen/ops/equal.h>

#include <algorithm>
#include <set>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/weights/layout.h"

namespace flam {

namespace {

/// The most rows that are accepted as padding. Megatron pads to a multiple of 128 for each of up to 8
/// devices.
constexpr int64_t kMostPaddingRows = 1024;

std::vector<int64_t> without_ones(at::IntArrayRef shape) {
  std::vector<int64_t> kept;
  std::copy_if(shape.begin(), shape.end(), std::back_inserter(kept), [](int64_t size) { return size != 1; });
  return kept;
}

class Planner {
 public:
  Planner(const WeightStore& store, const NamingLookup& namings, const WeightsConfig& config)
      : store_(store), namings_(namings), config_(config) {}

  void add(const WeightsFile& file, const std::filesystem::path& path) {
    try {
      plan_.files.push_back(open_checkpoint(path));
      plan_.quantized.push_back(QuantizedFile::read(*plan_.files.back()));
      if (config_.writable && !plan_.quantized.back().empty())
        throw Error(cat(printable(path.string(), 1000),
                        ": its matrices are quantised, and training needs numbers; name the files from which "
                        "`flam quantize` made it"));
    } catch (const Error& error) {
      throw Error(file.where, error.what());
    }
    const Checkpoint& opened = *plan_.files.back();
    const Layout layout(file, opened, store_, namings_);
    unexpected_.clear();
    misshapen_.clear();
    other_types_.clear();
    filled_slots_.clear();
    for (const std::string& key : opened.names()) {
      if (layout.leaves_out(key) || plan_.quantized.back().is_scales(key)) continue;
      const std::vector<Target> targets = layout.targets_of(key);
      if (targets.empty()) unexpected_.push_back(key);
      for (const Target& target : targets) {
        if (target.name.empty()) continue;
        filled_slots_.insert(target.name.substr(0, target.name.find('.')));
        if (is_wanted(target.name)) assign(key, target);
      }
    }
    const std::string name = printable(path.string(), 1000);
    if (config_.may_not_fit) {
      plan_.left_out += std::ssize(unexpected_);
      unexpected_.clear();
    }
    if (!other_types_.empty()) {  // often all matrices of a file
      const int64_t more = std::ssize(other_types_) - 1;
      misshapen_.push_back(
          cat(other_types_.front(),
              more == 0 ? "" : cat(", and ", more, " more ", more == 1 ? "matrix" : "matrices", " likewise"),
              "; leave out --quantize and weights.quantize, or write the file again with `flam quantize`"));
    }
    if (config_.must_be_used && unexpected_.empty() && misshapen_.empty()) require_use(file, name);
    if (!unexpected_.empty()) {
      errors_.add(file.where, listing(cat(name, ": ", counted(std::ssize(unexpected_), "unexpected tensor"),
                                          " (no rule of the layout takes them; `ignore` lists what is not "
                                          "needed)"),
                                      unexpected_) +
                                  layout.prefix_hint(unexpected_));
    }
    if (!misshapen_.empty()) {
      errors_.add(file.where, listing(cat(name, ": ", counted(std::ssize(misshapen_), "tensor"),
                                          misshapen_.size() == 1 ? " does not fit" : " do not fit"),
                                      misshapen_));
    }
  }

  LoadPlan finish(const WeightsConfig& config) {
    std::vector<std::string> missing, files;
    for (const WeightsFile& file : config.files) files.push_back(config.path_of(file).string());
    if (config.may_not_fit) leave_out_incomplete();
    if (config.must_be_used && plan_.fillings.empty()) {
      errors_.add(config.files.front().where,
                  cat("no tensor of ", printable(join(files, ", "), 1000), " is used",
                      config.patterns.empty() ? ""
                                              : "; do the patterns match names of the model's tensors "
                                                "(`flam describe CONFIG --tensors`)?"));
    }
    for (const auto& slot : store_.slots()) {
      const auto found = plan_.fillings.find(slot.get());
      if (config.may_lack && found == plan_.fillings.end()) continue;
      const bool whole = found != plan_.fillings.end() && found->second.whole;
      for (size_t part = 0; !whole && part < std::max<size_t>(1, slot->parts.size()); ++part) {
        const bool given =
            found != plan_.fillings.end() && part < found->second.parts.size() && found->second.parts[part];
        const std::string which = slot->parts.empty() ? "" : cat(", part ", part, " of ", slot->parts.size());
        if (!given) missing.push_back(cat(slot->name, " ", at::IntArrayRef(slot->shape), which));
      }
    }
    if (!missing.empty())
      errors_.add(config.files.front().where,
                  listing(cat("weights (", printable(join(files, ", "), 1000),
                              "): ", counted(std::ssize(missing), "tensor"),
                              missing.size() == 1 ? " is in no file" : " are in no file"),
                          missing) +
                      "\n  (`--weights random` runs a model without files)");
    errors_.throw_if_any();
    return std::move(plan_);
  }

 private:
  bool is_wanted(const std::string& name) const {
    return config_.patterns.empty() || std::ranges::any_of(config_.patterns, [&](const std::string& pattern) {
             return match_pattern(pattern, name);
           });
  }

  /// Fused tensors of which only some parts fit.
  void leave_out_incomplete() {
    for (auto entry = plan_.fillings.begin(); entry != plan_.fillings.end();) {
      const Filling& filling = entry->second;
      const auto given =
          std::ranges::count_if(filling.parts, [](const auto& part) { return part.has_value(); });
      const bool complete = filling.whole || given == std::ssize(filling.parts);
      if (!complete) plan_.left_out += given;
      entry = complete ? std::next(entry) : plan_.fillings.erase(entry);
    }
  }

  /// A file that gives nothing, or nothing for a part that its layout names, is a mistake.
  void require_use(const WeightsFile& file, const std::string& name) {
    std::set<std::string> unfilled;
    for (const LayoutRule& rule : file.layout) {
      if (!rule.slot.empty() && !filled_slots_.contains(rule.slot)) unfilled.insert(rule.slot);
    }
    for (const std::string& slot : unfilled) {
      errors_.add(file.where, cat(name, ": the layout gives no tensor to the slot ", slot,
                                  "; correct the `prefix` of its rules, or remove them"));
    }
    if (filled_slots_.empty() && unfilled.empty())
      errors_.add(file.where, cat(name, ": gives no tensor to this model; remove it from the list of files"));
  }

  /// Assigns the tensor `key` of the newest file to its slot.
  void assign(const std::string& key, const Target& target) {
    const int part = target.part;
    const auto slot = store_.find(target.name);
    const Source source{plan_.files.size() - 1, key, target.name, target.rule,
                        part < 0 ? slot->parts.size() : 0};
    const size_t wrong = misshapen_.size();
    check_shape(source, *slot, part);
    if (config_.may_not_fit && misshapen_.size() > wrong) {
      misshapen_.resize(wrong);
      ++plan_.left_out;
      return;
    }
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
      if (filling.whole && plan_.is_quantized(*filling.whole)) {
        misshapen_.push_back(cat(printable(source.key), " would replace a part of ", source.target,
                                 ", which is quantised in an earlier file; give the whole tensor"));
        return;
      }
      if (same_file(place)) clash(source, *place);
      place = source;
    }
  }

  void clash(const Source& source, const Source& other) {
    misshapen_.push_back(
        cat(printable(source.key), " and ", printable(other.key), " both fill ", source.target));
  }

  /// A file may hold a tied tensor once or under each of its names, with equal values.
  bool tied_twin(const Source& source, const Source& other) const {
    if (source.target == other.target || plan_.is_quantized(source) || plan_.is_quantized(other))
      return false;
    const at::Tensor one = plan_.tensor(source), two = plan_.tensor(other);
    return one.dtype() == two.dtype() && at::equal(one, two);
  }

  void check_quantized(const Source& source, const WeightSlot& slot, int part) {
    const QuantizedFile& file = plan_.quantized[source.file];
    const QuantScheme& scheme = *file.scheme(source.key);
    const std::vector<int64_t> shape = file.shape(*plan_.files[source.file], source.key);
    const std::string found = cat(printable(source.key), " is ", scheme_name(scheme), " ",
                                  at::IntArrayRef(shape), " in the file, ", source.target, " is ");
    if (!slot.matrix || !slot.aliases.empty()) {
      misshapen_.push_back(found + "no matrix that can be quantised in the model");
    } else if (part >= 0 || source.rule) {
      misshapen_.push_back(
          found +
          "to be arranged by a naming table, which quantised matrices can't be; leave the `naming` out");
    } else if (!shapes_agree(shape, slot.shape, slot.vocabulary) || shape[0] < slot.shape[0]) {
      misshapen_.push_back(
          cat(found, at::IntArrayRef(slot.shape), " in the model; was the file made from another model?"));
    } else if (slot.scheme && *slot.scheme != scheme) {
      other_types_.push_back(cat(found, "wanted as ", scheme_name(*slot.scheme)));
    }
  }

  void check_shape(const Source& source, const WeightSlot& slot, int part) {
    if (plan_.is_quantized(source)) return check_quantized(source, slot, part);
    at::Tensor tensor = plan_.files[source.file]->meta_tensor(source.key);
    if (source.rule) tensor = arranged(tensor, *source.rule, source.parts);
    std::vector<int64_t> wanted = slot.shape;
    if (part >= 0) wanted[0] = slot.parts[static_cast<size_t>(part)];
    if (!shapes_agree(tensor.sizes(), wanted, slot.vocabulary && part < 0)) {
      const at::Tensor stored = plan_.files[source.file]->meta_tensor(source.key);
      const std::string taken =
          tensor.sizes() == stored.sizes() ? "" : cat(" (", tensor.sizes(), " of it are taken)");
      misshapen_.push_back(cat(printable(source.key), " is ", stored.sizes(), " in the file", taken, ", ",
                               source.target, " is ", at::IntArrayRef(wanted), " in the model",
                               too_many_rows(tensor, slot)));
    } else if (!tensor.is_floating_point()) {
      misshapen_.push_back(cat(printable(source.key), " holds ", c10::toString(tensor.scalar_type()),
                               ", expected floating-point numbers for ", source.target));
    }
  }

  static std::string too_many_rows(const at::Tensor& tensor, const WeightSlot& slot) {
    if (!slot.vocabulary || tensor.dim() != std::ssize(slot.shape) ||
        tensor.size(0) - slot.shape[0] <= kMostPaddingRows)
      return "";
    return cat("; more than ", kMostPaddingRows,
               " rows beyond the tokenizer's tokens are not accepted as padding; does the tokenizer belong "
               "to the model in the file?");
  }

  const WeightStore& store_;
  const NamingLookup& namings_;
  const WeightsConfig& config_;
  LoadPlan plan_;
  ErrorList errors_;
  // Of the newest file:
  std::vector<std::string> unexpected_, misshapen_;
  std::vector<std::string> other_types_;  // matrices that are quantised in another way than is wanted
  std::set<std::string> filled_slots_;
};

}  // namespace

at::Tensor LoadPlan::tensor(const Source& source) const {
  const at::Tensor stored = files[source.file]->tensor(source.key);
  return source.rule ? arranged(stored, *source.rule, source.parts) : stored;
}

bool shapes_agree(at::IntArrayRef found, at::IntArrayRef wanted, bool vocabulary) {
  if (without_ones(found) == without_ones(wanted)) return true;
  return vocabulary && found.size() == wanted.size() && found[0] > 0 &&
         found[0] - wanted[0] <= kMostPaddingRows && found.slice(1) == wanted.slice(1);
}

LoadPlan plan_loading(const WeightStore& store, const WeightsConfig& config, const NamingLookup& namings) {
  if (config.files.empty()) throw Error("weights.files lists no file; give files, or ask for random weights");
  Planner planner(store, namings, config);
  for (const WeightsFile& file : config.files) planner.add(file, config.path_of(file));
  return planner.finish(config);
}

}  // namespace flam
