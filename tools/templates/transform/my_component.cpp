// transform `my_component`: flips pictures upside down or left to right.
#include "framework/sdk.h"

namespace flam {
namespace {

struct MyComponentParams {
  bool vertical = false;

  void visit(ParamVisitor& v) {
    v("vertical", vertical, "true: flip upside down; false: flip left to right");
  }
};

/// uint8 [H,W,3] → uint8 [H,W,3].
class MyComponent final : public Transform {
 public:
  explicit MyComponent(const MyComponentParams& params) : params_(params) {}

  Pixels apply(const Pixels& pixels) const override {
    return {pixels.picture().flip({params_.vertical ? 0 : 1})};
  }

 private:
  MyComponentParams params_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<MyComponent, MyComponentParams>("my_component", "flips pictures");
}

}  // namespace flam
