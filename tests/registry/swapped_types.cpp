// This must not compile; the message says what is wrong.
#include "framework/registry/registry.h"

struct Params {
  void visit(flam::ParamVisitor&) {}
};
struct Thing : flam::Component {
  static constexpr const char* kKind = "resampler";
  struct Input {};
  explicit Thing(const Params&) {}
};

void enroll(flam::Registrar& registrar) {
  registrar.add<Params, Thing>("thing");
}
