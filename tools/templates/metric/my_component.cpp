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

    void add(const Record& record, const Prediction& prediction) override {
      const auto& references = record.references;
      found_.push_back(std::any_of(references.begin(), references.end(), [&](const std::string& reference) {
        return prediction.text.find(reference) != std::string::npos;
      }));
    }

    Scores scores() const override {
      return share(std::count(found_.begin(), found_.end(), true), found_.size());
    }
    Scores scores_of(const std::vector<int64_t>& records) const override {
      return share(std::count_if(records.begin(), records.end(), [&](int64_t i) { return found_[i]; }),
                   records.size());
    }

   private:
    Scores share(int64_t found, size_t records) const {
      return {{score_, records ? static_cast<double>(found) / static_cast<double>(records) : 0}};
    }

    std::string score_;
    std::vector<bool> found_;  // whether each record's answer contains a reference
  };

  MyComponentParams params_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<MyComponent, MyComponentParams>("my_component",
                                                "share of answers that contain one of their references");
}

}  // namespace flam
