#pragma once
// Wrappers that check every call of a media layout, tokenizer, task head, dataset or metric. The components
// that compute are checked in Model and TransformChain instead.

#include "framework/component/dataset.h"
#include "framework/component/media_layout.h"
#include "framework/component/metric.h"
#include "framework/component/task_head.h"
#include "framework/component/tokenizer.h"
#include "framework/model/border.h"
#include "framework/registry/registry.h"

namespace flam {

/// Wraps a component: each function is forwarded to it through `border`, and the result is checked against
/// the contract in framework/component. RunError: the contract is broken; the message names the component,
/// its library and the function. Errors that the component throws are passed on unchanged.
///
/// Each wrapper overrides all virtual functions of its slot. A new virtual function with a default
/// implementation must be added here too, because otherwise the component's override is never called.
FLAM_API std::unique_ptr<MediaLayout> checked(std::unique_ptr<MediaLayout> component, Border border,
                                              const MediaLayout::Input& in);
FLAM_API std::unique_ptr<Tokenizer> checked(std::unique_ptr<Tokenizer> component, Border border,
                                            const Tokenizer::Input& in);
FLAM_API std::unique_ptr<TaskHead> checked(std::unique_ptr<TaskHead> component, Border border,
                                           const TaskHead::Input& in);
FLAM_API std::unique_ptr<Dataset> checked(std::unique_ptr<Dataset> component, Border border,
                                          const Dataset::Input& in);
FLAM_API std::unique_ptr<Metric> checked(std::unique_ptr<Metric> component, Border border,
                                         const Metric::Input& in);

/// Registry::build() with the wrapper above. Every command builds components of these five kinds this way.
template <class Slot>
std::unique_ptr<Slot> build_checked(const Registry& registry, const ComponentConfig& config,
                                    const typename Slot::Input& in) {
  return checked(registry.build<Slot>(config, in), Border(config, Border::Errors::as_they_are), in);
}

}  // namespace flam
