// metric `exact_match`: the share of answers that equal one of their references exactly.
#include <algorithm>

#include "framework/sdk.h"

namespace flam {

namespace {

struct ExactMatchParams {
  bool strip = true;
  bool ignore_case = false;
  bool ignore_article = false;

  void visit(ParamVisitor& v) {
    v("strip", strip, "whether whitespace at both ends is ignored");
    v("ignore_case", ignore_case, "whether upper and lower case (ASCII) are equal");
    v("ignore_article", ignore_article, "whether `a`, `an` or `the` at the beginning is ignored");
  }
};

class ExactMatch final : public Metric {
 public:
  explicit ExactMatch(const ExactMatchParams& params) : params_(params) {}

  std::unique_ptr<Accumulator> start() const override { return std::make_unique<Counter>(params_); }

 private:
  class Counter final : public Accumulator {
   public:
    explicit Counter(const ExactMatchParams& params) : params_(params) {}

    void add(const Record& record, const Prediction& prediction) override {
      const std::string ours = normal(prediction.text);
      exact_.push_back(std::any_of(record.references.begin(), record.references.end(),
                                   [&](const std::string& reference) { return normal(reference) == ours; }));
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
    std::string normal(std::string text) const {
      if (params_.strip) {
        const auto first = text.find_first_not_of(" \t\r\n");
        text = first == std::string::npos ? ""
                                          : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
      }
      if (params_.ignore_case) {
        for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      }
      if (params_.ignore_article) {
        for (const std::string_view article : {"a ", "an ", "the "}) {
          if (text.starts_with(article)) return text.substr(article.size());
        }
      }
      return text;
    }

    const ExactMatchParams& params_;
    std::vector<bool> exact_;  // of each record
  };

  ExactMatchParams params_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<ExactMatch, ExactMatchParams>("exact_match",
                                              "share of answers that equal one of their references");
}

}  // namespace flam
