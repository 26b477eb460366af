// metric `coco_caption`: BLEU, ROUGE-L and CIDEr of captions, as pycocoevalcap computes them.
#include <algorithm>
#include <numeric>

#include "caption_scores.h"
#include "framework/sdk.h"
#include "ptb_tokenizer.h"

namespace flam {

namespace {

struct CocoCaptionParams {
  std::vector<std::string> scores = {"Bleu", "ROUGE_L", "CIDEr"};

  void visit(ParamVisitor& v) {
    v("scores", scores,
      "what is computed, over the references of each record: Bleu_1 to Bleu_4, between 0 and 1; ROUGE_L, "
      "between 0 "
      "and 1; CIDEr, which is CIDEr-D, between 0 and 10. Published tables show 100 times these",
      choices("Bleu", "ROUGE_L", "CIDEr"));
  }

  bool has(const char* score) const { return std::ranges::find(scores, score) != scores.end(); }
};

/// A caption's tokens as numbers. pycocoevalcap takes a caption without tokens for an empty token in ROUGE-L,
/// and splits tokens such as 5 1/2 into words for the others.
struct Caption {
  std::vector<uint32_t> tokens, words;

  Caption(std::string_view text, NgramTable& table) {
    constexpr std::string_view kInnerSpace = "\u00A0";
    for (const std::string& token : ptb_tokens(text)) {
      tokens.push_back(table.word(token));
      if (token.find(kInnerSpace) == std::string::npos) {
        words.push_back(tokens.back());
        continue;
      }
      for (size_t begin = 0, end = 0; begin < token.size(); begin = end + kInnerSpace.size()) {
        end = std::min(token.find(kInnerSpace, begin), token.size());
        if (end > begin) words.push_back(table.word(std::string_view(token).substr(begin, end - begin)));
      }
    }
    if (tokens.empty()) tokens.push_back(table.word(""));
  }
};

class CocoCaption final : public Metric {
 public:
  explicit CocoCaption(const CocoCaptionParams& params) : params_(params) {
    if (params.scores.empty()) throw Error("`scores` is empty; name at least one");
    for (const std::string& score : params.scores) {
      if (std::ranges::count(params.scores, score) > 1)
        throw Error(cat("`scores` names ", quoted(score), " twice"));
    }
  }

  std::unique_ptr<Accumulator> start() const override { return std::make_unique<Run>(params_); }

 private:
  class Run final : public Accumulator {
   public:
    explicit Run(const CocoCaptionParams& params) : params_(params) {}

    void add(const Record& record, const Prediction& prediction) override {
      if (record.references.empty()) {
        throw Error(cat("metric 'coco_caption': record ", quoted(record.request.id),
                        " has no references; it needs at least one"));
      }
      const Caption caption(prediction.text, table_);
      const Ngrams own = table_.ngrams(caption.words.data(), caption.words.size());
      std::vector<std::vector<uint32_t>> tokens, words;
      std::vector<Ngrams> ngrams;
      for (const std::string& text : record.references) {
        Caption reference(text, table_);
        ngrams.push_back(table_.ngrams(reference.words.data(), reference.words.size()));
        tokens.push_back(std::move(reference.tokens));
        words.push_back(std::move(reference.words));
      }
      if (params_.has("Bleu")) bleu_.emplace_back(own, ngrams);
      if (params_.has("ROUGE_L")) rouge_.push_back(rouge_l(caption.tokens, tokens));
      if (params_.has("CIDEr")) cider_.add(table_, caption.words, words, ngrams);
      ++records_;
      cider_scores_.clear();
    }

    Scores scores() const override {
      std::vector<int64_t> all(records_);
      std::iota(all.begin(), all.end(), 0);
      return scores_of(all);
    }
    /// For CIDEr, n-grams have the document frequencies of all records.
    Scores scores_of(const std::vector<int64_t>& records) const override {
      Scores out;
      for (const std::string& score : params_.scores) {
        if (score == "Bleu") {
          BleuCounts sum;
          for (const int64_t i : records) sum += bleu_[static_cast<size_t>(i)];
          const auto bleu = sum.scores();
          for (size_t n = 0; n < kMaxOrder; ++n) out.emplace_back(cat("Bleu_", n + 1), bleu[n]);
        } else {
          out.emplace_back(score, mean(score == "CIDEr" ? cider() : rouge_, records));
        }
      }
      return out;
    }

   private:
    static double mean(const std::vector<double>& values, const std::vector<int64_t>& records) {
      double sum = 0;
      for (const int64_t i : records) sum += values[static_cast<size_t>(i)];
      return records.empty() ? 0 : sum / static_cast<double>(records.size());
    }

    const std::vector<double>& cider() const {
      if (cider_scores_.empty()) cider_scores_ = cider_.scores(table_);
      return cider_scores_;
    }

    const CocoCaptionParams& params_;
    size_t records_ = 0;
    std::vector<BleuCounts> bleu_;
    std::vector<double> rouge_;
    Cider cider_;
    mutable NgramTable table_;                  // changes only in add(): by then it knows all n-grams
    mutable std::vector<double> cider_scores_;  // computed when they are needed
  };

  CocoCaptionParams params_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<CocoCaption, CocoCaptionParams>("coco_caption", "BLEU, ROUGE-L and CIDEr of captions");
}

}  // namespace flam
