// metric `exact_match`: the share of answers that equal one of their references.
#include <algorithm>

#include "answer_text.h"
#include "framework/sdk.h"
#include "vqa_accuracy.h"

namespace flam {

namespace {

struct ExactMatchParams {
  AnswerSteps steps = {.strip = true};

  void visit(ParamVisitor& v) {
    v("strip", steps.strip, "whether whitespace at both ends is ignored");
    v("ignore_case", steps.lower_case, "whether upper and lower case are equal");
    v("ignore_punctuation", steps.punctuation,
      "whether punctuation is removed or made a space, by the rules of VQA's official script");
    v("ignore_articles", steps.articles, "whether the words `a`, `an` and `the` are ignored");
    v("number_words", steps.number_words, "whether `none`, `zero`, `one` … `ten` equal 0, 0, 1 … 10");
    v("contractions", steps.contractions, "whether words such as `dont` equal `don't`");
    v("collapse_whitespace", steps.whitespace,
      "whether each run of whitespace counts as one space; the three options before this one imply it");
  }
};

class ExactMatch final : public Metric {
 public:
  explicit ExactMatch(const ExactMatchParams& params) : params_(params) {}

  std::unique_ptr<Accumulator> start() const override { return std::make_unique<Counter>(params_.steps); }

 private:
  class Counter final : public Accumulator {
   public:
    explicit Counter(const AnswerSteps& steps) : steps_(steps) {}

    void add(const Record& record, const Prediction& prediction) override {
      if (record.references.empty()) {
        throw Error(cat("metric 'exact_match': record ", quoted(record.request.id),
                        " has no references; it needs at least one"));
      }
      const std::string ours = normal_answer(prediction.text, steps_);
      exact_.push_back(std::ranges::any_of(record.references, [&](const std::string& reference) {
        return normal_answer(reference, steps_) == ours;
      }));
    }

    Scores scores() const override {
      return share(std::count(exact_.begin(), exact_.end(), true), exact_.size());
    }
    Scores scores_of(const std::vector<int64_t>& records) const override {
      return share(std::count_if(records.begin(), records.end(), [&](int64_t i) { return exact_[i]; }),
                   records.size());
    }

   private:
    static Scores share(int64_t exact, size_t records) {
      return {{"exact", records ? static_cast<double>(exact) / static_cast<double>(records) : 0}};
    }

    const AnswerSteps& steps_;
    std::vector<bool> exact_;  // of each record
  };

  ExactMatchParams params_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<ExactMatch, ExactMatchParams>("exact_match",
                                              "share of answers that equal one of their references");
  add_vqa_accuracy(registrar);
}

}  // namespace flam
