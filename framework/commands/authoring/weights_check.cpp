// Checks with the weights of a checkpoint.
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <regex>
#include <sstream>

#include "framework/base/text.h"
#include "framework/commands/authoring/checks.h"
#include "framework/recipe/weights_files.h"
#include "framework/weights/quantized_file.h"

namespace flam {

namespace {

bool has_weights(const std::string& kind) {
  const char* kinds[] = {"vision_backbone", "resampler", "adapter", "language_decoder"};
  return std::ranges::find(kinds, kind) != std::end(kinds);
}

WeightsConfig files_of(const std::string& kind, const CheckOptions& options) {
  WeightsConfig config;
  WeightsFile& file = config.files.emplace_back();
  file.path = std::filesystem::absolute(options.weights).string();
  if (!options.naming.empty() || !options.prefix.empty())
    file.layout = {{options.prefix, kind, options.naming}};
  file.ignore = options.ignore;
  file.if_missing = "--weights names a checkpoint, as a file or a folder";
  return config;
}

/// The message of load_weights() in one line, with a few tensors of each of its lists: a file that does not
/// fit often has hundreds.
std::string one_line(const std::string& message) {
  constexpr int64_t kMostListed = 4;
  const std::regex rest("    and (\\d{1,9}) more");
  std::istringstream lines(message);
  std::string out;
  int64_t listed = 0, left_out = 0;
  const auto end_list = [&] {
    if (left_out > 0) out += cat("; … and ", left_out, " more");
    listed = left_out = 0;
  };
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("  (`--weights")) continue;  // advice for a run
    std::smatch more;
    if (std::regex_match(line, more, rest)) {
      left_out += std::stoll(more[1]);
    } else if (!line.starts_with("    ")) {
      end_list();
      const size_t text = std::min(line.find_first_not_of(' '), line.size());
      out += cat(out.empty() ? "" : text > 0 ? " " : ". ", line.substr(text));
    } else if (listed < kMostListed) {
      out += (listed++ == 0 ? " " : "; ") + line.substr(4);
    } else {
      ++left_out;
    }
  }
  end_list();
  return out;
}

/// Each name once, in the order of the tables. Those of different architectures may have the same name.
std::vector<std::string> names_of(const std::vector<NamingTable>& tables) {
  std::vector<std::string> names;
  for (const NamingTable& table : tables) {
    if (std::ranges::find(names, table.name) == names.end()) names.push_back(table.name);
  }
  return names;
}

/// What the component computes with the weights, so that an author sees parts that do nothing.
std::string statistics_of(const at::Tensor& out) {
  const at::Tensor numbers = out.to(at::kDouble);
  const at::Tensor by_feature = numbers.flatten(0, -2);
  const int64_t constant = (by_feature.amax(0) - by_feature.amin(0)).abs().eq(0).sum().item<int64_t>();
  return cat("for random input, the output has the mean ", numbers.mean().item<double>(),
             " and the standard deviation ", numbers.std().item<double>(),
             constant == 0 ? std::string()
                           : cat("; ", counted(constant, "feature"), " of ", by_feature.size(1), " never ",
                                 constant == 1 ? "changes" : "change"));
}

/// Whether every row of both outputs is the same.
bool ignores_input(const at::Tensor& out, const at::Tensor& other) {
  const at::Tensor row = out.narrow(0, 0, 1);
  return out.equal(row.expand_as(out)) && other.equal(row.expand_as(other));
}

bool has_neighbours(const Value& config) {
  const Value* const model = config.find("model");
  return model && model->find("vision_backbone") && model->find("language_decoder");
}

}  // namespace

bool Specimen::takes_checkpoint() const {
  return !options.weights.empty() && has_weights(kind);
}

void load_checkpoint(Subject& subject, const std::string& kind, const CheckOptions& options) {
  const auto namings = [&](const std::string& slot) {
    return slot == kind ? subject.naming_tables() : nullptr;
  };
  try {
    load_weights(subject.store, files_of(kind, options), namings, at::kCPU, at::kFloat, /*seed=*/1);
  } catch (const Error& error) {
    const std::vector<std::string> tables = names_of(*subject.naming_tables());
    const bool unnamed = options.naming.empty() && !tables.empty();
    throw Error(
        cat(one_line(error.what()),
            unnamed ? cat(". The component's naming tables are ", join(tables, ", "), " (--naming)") : ""));
  }
}

Registry::Listed taker_of_checkpoint(const Registry& registry) {
  std::vector<Registry::Listed> takers;
  std::vector<std::string> found;
  for (const auto& listed : registry.list()) {
    if (!has_weights(listed.kind)) continue;
    takers.push_back(listed);
    found.push_back(cat(listed.kind, " ", quoted(listed.name)));
  }
  if (takers.size() != 1) {
    throw Error(cat("--weights needs a library with one component that has weights; this one has ",
                    found.empty() ? "none" : join(found, ", ")));
  }
  return takers.front();
}

void require_checkpoint(const Specimen& specimen) {
  const WeightsConfig weights = files_of(specimen.kind, specimen.options);
  require_files(weights);
  try {
    QuantizedFile::read(*open_checkpoint(weights.path_of(weights.files.front())));
  } catch (const Error& error) {
    throw Error(cat("--weights: ", error.what()));
  }
  if (specimen.needs_model() && !has_neighbours(specimen.config))
    throw Error(cat("a checkpoint of the kind ", specimen.kind,
                    " is made for the sizes of its neighbours; give a run config that has the whole model "
                    "with --config"));
}

Finding find_mistake(const Specimen& specimen) {
  if (specimen.needs_model()) {
    try {
      Registry all;
      specimen.whole_config(all);
    } catch (const Error& error) {
      return {one_line(error.what())};
    }
  }
  const std::string& naming = specimen.options.naming;
  if (naming.empty()) return {};
  const auto subject = make_subject(specimen.registry, specimen.parse(specimen.node()), specimen.setting());
  const std::vector<std::string> names = names_of(*subject->naming_tables());
  if (std::ranges::find(names, naming) != names.end()) return {};
  return {cat("--naming: ", specimen.label(), " has no naming table ", quoted(naming),
              did_you_mean(naming, names),
              names.empty() ? ", because it has none; leave the option out"
                            : cat(" (known: ", join(names, ", "), ")"))};
}

Finding check_weights(const Specimen& specimen) {
  Finding finding;
  const auto subject = specimen.subject(finding);
  if (!subject) return finding;
  std::vector<std::string> wrong;
  for (const auto& slot : subject->store.slots()) {
    if (slot->tensor.defined() && slot->tensor.is_floating_point() &&
        !slot->tensor.isfinite().all().item<bool>())
      wrong.push_back(slot->name);
  }
  if (!wrong.empty()) {
    std::string list = cat(counted(std::ssize(wrong), "tensor"), " of the checkpoint ",
                           wrong.size() == 1 ? "has" : "have", " numbers that are infinite or NaN:");
    for (const std::string& name : wrong) list += "\n    " + name;
    throw Error(one_line(list));
  }
  const at::Tensor out = run_announced(*subject, subject->input(2, 1));
  if (ignores_input(out, run_announced(*subject, subject->input(2, 2))))
    throw Error(
        "the output is the same for all random inputs, so with these weights the component ignores its "
        "input; is the checkpoint trained, and is every layer of the component used?");
  return {cat(subject->store.slots().size(), " tensors, ", subject->store.parameter_count(), " parameters; ",
              statistics_of(out))};
}

}  // namespace flam
