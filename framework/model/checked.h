#pragma once
// Tokenizers, task heads, datasets and metrics behind a Border. The components that give tensors have theirs
// in Model and TransformChain.

#include "framework/component/dataset.h"
#include "framework/component/metric.h"
#include "framework/component/task_head.h"
#include "framework/component/tokenizer.h"
#include "framework/model/border.h"
#include "framework/registry/registry.h"

namespace flam {

/// The component behind `border`: every function of it is called through, and what the function gives is
/// checked against the contract in framework/component. RunError: the contract is broken; the message names
/// the component, its library and the function. Errors that the component throws pass unchanged.
///
/// Each of these wraps all virtual functions of its slot: a function added to a slot with a default is added
/// here, too, or the component's own is never called.
FLAM_API std::unique_ptr<Tokenizer> checked(std::unique_ptr<Tokenizer> component, Border border,
                                            const Tokenizer::Input& in);
FLAM_API std::unique_ptr<TaskHead> checked(std::unique_ptr<TaskHead> component, Border border,
                                           const TaskHead::Input& in);
FLAM_API std::unique_ptr<Dataset> checked(std::unique_ptr<Dataset> component, Border border,
                                          const Dataset::Input& in);
FLAM_API std::unique_ptr<Metric> checked(std::unique_ptr<Metric> component, Border border,
                                         const Metric::Input& in);

/// Registry::build(), checked: how every command builds a component of these four kinds.
template <class Slot>
std::unique_ptr<Slot> build_checked(const Registry& registry, const ComponentConfig& config,
                                    const typename Slot::Input& in) {
  return checked(registry.build<Slot>(config, in), Border(config, Border::Errors::as_they_are), in);
}

}  // namespace flam
