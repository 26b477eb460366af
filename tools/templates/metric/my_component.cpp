// metric `my_component`: the share of answers that contain one of their references.
#include <algorithm>

#include "framework/sdk.h"

namespace flam {
namespace {

struct MyComponentParams {
  std::string score = "contains";

  void visit(ParamVisitor& v) { v("score", score, "name of the score"); }
};

class MyComponent final : public Metric {
 public:
  explicit MyComponent(const MyComponentParams& params) : params_(params) {}

  std::unique_ptr<Accumulator> start() const override { return std::make_unique<Counter>(params_.score); }

 private:
  /// There is one for each run, and only it has mutable state.
  class Counter final : public Accumulator {
   public:
    explicit Counter(std::string score) : score_(std::move(score)) {}

    void add(const Record& record, const std::string& answer) override {
      const auto& references = record.references;
      ++records_;
      found_ += std::any_of(references.begin(), references.end(), [&](const std::string& reference) {
        return answer.find(reference) != std::string::npos;
      });
    }

    Scores scores() const override {
      return {{score_, records_ ? static_cast<double>(found_) / static_cast<double>(records_) : 0}};
    }

   private:
    std::string score_;
    int64_t records_ = 0, found_ = 0;
  };

  MyComponentParams params_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<MyComponent, MyComponentParams>("my_component",
                                                "share of answers that contain one of their references");
}

}  // namespace flam
