// Checks of the values that datasets and metrics return.
#include <cmath>
#include <set>

#include "framework/base/text.h"
#include "framework/model/checked.h"

namespace flam {

namespace {

class CheckedDataset final : public Dataset {
 public:
  CheckedDataset(std::unique_ptr<Dataset> inner, Border border)
      : inner_(std::move(inner)),
        border_(std::move(border)),
        patch_classes_(classes("patch_label_classes", &Dataset::patch_label_classes)),
        media_classes_(classes("media_label_classes", &Dataset::media_label_classes)) {}

  int64_t size() const override {
    const int64_t size = border_("size", [&] { return inner_->size(); });
    if (size < 0) border_.fail(cat("gives ", size, " from size(); expected 0 or more"));
    return size;
  }
  Record at(int64_t index) const override {
    Record record = border_("at", [&] { return inner_->at(index); });
    const auto fail = [&](const std::string& what) {
      border_.fail(cat("gives a record from at(", index, ") ", what));
    };
    if (record.request.parts.empty()) fail("whose request has no parts");
    for (const Part& part : record.request.parts) {
      if (part.kind != Part::Kind::text && part.pictures.empty())
        fail("with an image or a video that has no pictures");
      for (const PictureSource& source : part.pictures) {
        if (const std::string wrong = flam::what_is_wrong(source); !wrong.empty())
          fail(cat("with a picture that ", wrong));
      }
    }
    const auto check_labels = [&](const char* what, const at::Tensor& labels,
                                  const std::vector<int64_t>& classes) {
      if (const std::string wrong = what_is_wrong(labels, classes); !wrong.empty())
        fail(cat("whose ", what, " ", wrong));
    };
    check_labels("patch_labels", record.patch_labels, patch_classes_);
    check_labels("media_labels", record.media_labels, media_classes_);
    return record;
  }
  int64_t skipped() const override {
    const int64_t skipped = border_("skipped", [&] { return inner_->skipped(); });
    if (skipped < 0) border_.fail(cat("gives ", skipped, " from skipped(); expected 0 or more"));
    return skipped;
  }
  std::vector<int64_t> patch_label_classes() const override { return patch_classes_; }
  std::vector<int64_t> media_label_classes() const override { return media_classes_; }
  std::vector<std::string> class_names() const override {
    std::vector<std::string> names = border_("class_names", [&] { return inner_->class_names(); });
    const int64_t count = media_classes_.empty() ? 0 : media_classes_.front();
    if (!names.empty() && std::ssize(names) != count)
      border_.fail(cat("gives ", names.size(), " names from class_names() for ", count, " classes"));
    return names;
  }

 private:
  std::vector<int64_t> classes(const char* call, std::vector<int64_t> (Dataset::*of)() const) const {
    std::vector<int64_t> counts = border_(call, [&] { return (*inner_.*of)(); });
    for (const int64_t count : counts)
      if (count < 1) border_.fail(cat("gives ", count, " classes from ", call, "(); expected at least 1"));
    return counts;
  }
  /// Returns "" if each label of [G,K] is a class of its column, otherwise what is wrong.
  static std::string what_is_wrong(const at::Tensor& labels, const std::vector<int64_t>& classes) {
    if (classes.empty()) return "";
    if (!labels.defined()) return "are undefined";
    const int64_t columns = std::ssize(classes);
    if (labels.dim() != 2 || labels.size(1) != columns || labels.scalar_type() != at::kLong ||
        !labels.is_cpu()) {
      return cat("are ", labels.scalar_type(), " ", labels.sizes(), " on ", labels.device(),
                 "; expected int64 on the CPU with ", columns, " columns");
    }
    const at::Tensor rows = labels.contiguous();
    const auto* values = rows.const_data_ptr<int64_t>();
    for (int64_t i = 0; i < rows.numel(); ++i) {
      const int64_t column = i % columns;
      if (values[i] < 0 || values[i] >= classes[column])
        return cat("have the class ", values[i], " in column ", column, " of ", classes[column], " classes");
    }
    return "";
  }

  std::unique_ptr<Dataset> inner_;
  Border border_;
  std::vector<int64_t> patch_classes_, media_classes_;
};

class CheckedMetric final : public Metric {
 public:
  CheckedMetric(std::unique_ptr<Metric> inner, Border border)
      : inner_(std::move(inner)), border_(std::move(border)) {}

  std::unique_ptr<Accumulator> start() const override {
    auto accumulator = border_("start", [&] { return inner_->start(); });
    if (!accumulator) border_.fail("gives no accumulator from start()");
    return std::make_unique<Checked>(std::move(accumulator), border_);
  }

 private:
  class Checked final : public Accumulator {
   public:
    Checked(std::unique_ptr<Accumulator> inner, const Border& border)
        : inner_(std::move(inner)), border_(border) {}

    void add(const Record& record, const Prediction& prediction) override {
      border_("add", [&] { inner_->add(record, prediction); });
      ++records_;
    }
    Scores scores() const override {
      Scores scores = border_("scores", [&] { return inner_->scores(); });
      if (scores.empty()) border_.fail("gives nothing from scores()");
      check(scores, "scores");
      return scores;
    }
    Scores scores_of(const std::vector<int64_t>& records) const override {
      for (const int64_t record : records) {
        if (record < 0 || record >= records_)
          throw Error(cat("scores are asked for record ", record, " of ", records_));
      }
      Scores scores = border_("scores_of", [&] { return inner_->scores_of(records); });
      check(scores, "scores_of");
      return scores;
    }

   private:
    void check(const Scores& scores, const char* call) const {
      std::set<std::string> names;
      for (const auto& [name, value] : scores) {
        if (name.empty()) border_.fail(cat("gives a score without a name from ", call, "()"));
        if (!names.insert(name).second)
          border_.fail(cat("gives the score ", quoted(name), " twice from ", call, "()"));
        if (!std::isfinite(value))
          border_.fail(cat("gives ", value, " as the score ", quoted(name), " from ", call,
                           "(); expected a finite number"));
      }
    }

    std::unique_ptr<Accumulator> inner_;
    const Border& border_;  // of the metric, which outlives it
    int64_t records_ = 0;
  };

  std::unique_ptr<Metric> inner_;
  Border border_;
};

}  // namespace

std::unique_ptr<Dataset> checked(std::unique_ptr<Dataset> component, Border border, const Dataset::Input&) {
  return std::make_unique<CheckedDataset>(std::move(component), std::move(border));
}
std::unique_ptr<Metric> checked(std::unique_ptr<Metric> component, Border border, const Metric::Input&) {
  return std::make_unique<CheckedMetric>(std::move(component), std::move(border));
}

}  // namespace flam
