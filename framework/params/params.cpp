#include "framework/params/params.h"

namespace flam {

ParamVisitor::~ParamVisitor() = default;

ParamRule at_least(double minimum) {
  return {[](ParamInfo& info, const ParamRule& rule) { info.minimum = rule.a; }, minimum};
}

ParamRule more_than(double minimum) {
  return {[](ParamInfo& info, const ParamRule& rule) {
            info.minimum = rule.a;
            info.minimum_exclusive = true;
          },
          minimum};
}

ParamRule between(double minimum, double maximum) {
  return {[](ParamInfo& info, const ParamRule& rule) {
            info.minimum = rule.a;
            info.maximum = rule.b;
          },
          minimum, maximum};
}

ParamRule required() {
  return {[](ParamInfo& info, const ParamRule&) { info.required = true; }};
}

ParamRule path() {
  return {[](ParamInfo& info, const ParamRule&) { info.is_path = true; }};
}

ParamRule component(const char* kind) {
  return {
      [](ParamInfo& info, const ParamRule& rule) { info.component_kind = rule.names.front(); }, 0, 0, {kind}};
}

}  // namespace flam
