#pragma once
// The checks of each kind. They run in a child process; what they throw is why the component fails.

#include "framework/commands/authoring/check_plugin.h"
#include "framework/commands/authoring/subject.h"
#include "framework/registry/registry.h"

namespace flam {

struct Finding {
  std::string detail;
  bool skipped = false;
};

/// A component of the plugin and what is known about how to run it.
struct Specimen {
  Registry& registry;
  std::string kind, name;
  const Value& config;  // the whole config; an empty map if none was given
  const CheckOptions& options;

  /// {type: NAME, …} of the config; {type: NAME} alone if the config has no such component.
  Value node() const;
  /// Error: everything that is wrong with the parameters.
  ComponentConfig parse(const Value& node) const;
  /// The component and its weights, filled, on the CPU. Empty if they are larger than options.max_bytes;
  /// `too_large` then says so.
  std::unique_ptr<Subject> subject(Finding& too_large) const;
};

struct Check {
  const char* name;
  Finding (*run)(const Specimen&);
};
const std::vector<Check>& checks_of(const std::string& kind);

/// Error: the largest difference over max(1, max|b|) is above `tolerance`, or the shapes differ. `what` is
/// said before "by 0.1 (allowed: …)".
void require_close(const at::Tensor& a, const at::Tensor& b, double tolerance, const std::string& what);

/// The subject's result, without gradients. Error: it is not of the announced shape, or not where the input
/// is.
at::Tensor run_announced(const Subject& subject, const Subject::Tensors& in);

Finding check_memory(const Specimen& specimen);
Finding check_threads(const Specimen& specimen);
Finding check_layer_ranges(const Specimen& specimen);
Finding check_cache(const Specimen& specimen);
std::vector<Check> tensor_checks(const std::string& kind);
std::vector<Check> tokenizer_checks();
std::vector<Check> task_head_checks();
std::vector<Check> dataset_checks();
std::vector<Check> metric_checks();

/// act(0), act(1), … act(3) from as many threads at once, a few times over. Throws the first exception.
void at_once(const std::function<void(int64_t)>& act);

}  // namespace flam
