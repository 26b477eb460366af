// metric `vqa_accuracy`: agreement of an answer with those that several people gave (Antol et al. 2015, VQA).
#include "vqa_accuracy.h"

#include <algorithm>

#include "answer_text.h"

namespace flam {

namespace {

struct VqaAccuracyParams {
  enum class Formula { leave_one_out, share };
  Formula formula = Formula::leave_one_out;
  double full_score_weight = 0.3;

  void visit(ParamVisitor& v) {
    v("formula", formula,
      "leave_one_out, as the official script of VQA v2: for each reference, a third of the number of other "
      "references that equal the answer, at most 1; then the mean of these. share, as mmpretrain's VQAAcc: "
      "the share of references that equal the answer, divided by full_score_weight, at most 1",
      choices("leave_one_out", "share"));
    v("full_score_weight", full_score_weight, "of the formula `share`: this share of references is worth 1",
      more_than(0), between(0, 1));
  }
};

constexpr AnswerSteps kAllSteps = {true, true, true, true, true, true, true};

class VqaAccuracy final : public Metric {
 public:
  explicit VqaAccuracy(const VqaAccuracyParams& params) : params_(params) {}

  std::unique_ptr<Accumulator> start() const override { return std::make_unique<Run>(params_); }

 private:
  class Run final : public Accumulator {
   public:
    explicit Run(const VqaAccuracyParams& params) : params_(params) {}

    void add(const Record& record, const Prediction& prediction) override {
      const bool leave_one_out = params_.formula == VqaAccuracyParams::Formula::leave_one_out;
      const size_t least = leave_one_out ? 2 : 1;
      if (record.references.size() < least) {
        throw Error(cat("metric 'vqa_accuracy': record ", quoted(record.request.id), " has ",
                        counted(std::ssize(record.references), "reference"), "; it needs at least ", least,
                        leave_one_out ? " (formula leave_one_out; see also formula share)" : ""));
      }
      const std::vector<bool> equal = equal_references(record, prediction.text, leave_one_out);
      accuracies_.push_back(leave_one_out ? mean_of_others(equal) : share(equal));
    }

    Scores scores() const override {
      double sum = 0;
      for (const double accuracy : accuracies_) sum += accuracy;
      return mean(sum, accuracies_.size());
    }
    Scores scores_of(const std::vector<int64_t>& records) const override {
      double sum = 0;
      for (const int64_t i : records) sum += accuracies_[static_cast<size_t>(i)];
      return mean(sum, records.size());
    }

   private:
    static Scores mean(double sum, size_t records) {
      return {{"vqa_accuracy", records ? sum / static_cast<double>(records) : 0}};
    }

    /// The official script compares texts as they are if all references are the same.
    static std::vector<bool> equal_references(const Record& record, const std::string& answer,
                                              bool keep_unanimous) {
      std::vector<std::string> references;
      for (const std::string& reference : record.references)
        references.push_back(normal_answer(on_one_line(reference), {.strip = true}));
      std::string ours = normal_answer(on_one_line(answer), {.strip = true});
      const bool unanimous = std::ranges::adjacent_find(references, std::not_equal_to{}) == references.end();
      if (!(keep_unanimous && unanimous)) {
        ours = normal_answer(ours, kAllSteps);
        for (std::string& reference : references) reference = normal_answer(reference, kAllSteps);
      }
      std::vector<bool> equal(references.size());
      std::transform(references.begin(), references.end(), equal.begin(),
                     [&](const std::string& reference) { return reference == ours; });
      return equal;
    }

    static double mean_of_others(const std::vector<bool>& equal) {
      const auto all = std::count(equal.begin(), equal.end(), true);
      double sum = 0;
      for (const bool mine : equal) sum += std::min(1.0, static_cast<double>(all - mine) / 3);
      return sum / static_cast<double>(equal.size());
    }
    double share(const std::vector<bool>& equal) const {
      double sum = 0;
      for (const bool one : equal) sum += one ? 1.0 / static_cast<double>(equal.size()) : 0;
      return std::min(1.0, sum / params_.full_score_weight);
    }

    const VqaAccuracyParams& params_;
    std::vector<double> accuracies_;  // of each record
  };

  VqaAccuracyParams params_;
};

}  // namespace

void add_vqa_accuracy(Registrar& registrar) {
  registrar.add<VqaAccuracy, VqaAccuracyParams>("vqa_accuracy",
                                                "agreement of short answers with several people's answers");
}

}  // namespace flam
