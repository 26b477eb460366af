#pragma once
// BLEU, ROUGE-L and CIDEr of one caption, and of many. All equal pycocoevalcap 1.2.
#include "ngrams.h"

namespace flam {

/// What BLEU needs of one caption (Papineni et al. 2002), with the length of the reference that is closest.
struct BleuCounts {
  int64_t length = 0, reference_length = 0;
  std::array<int64_t, kMaxOrder> possible{}, correct{};  // n-grams of 1 to 4 words

  BleuCounts() = default;
  BleuCounts(const Ngrams& caption, const std::vector<Ngrams>& references);
  BleuCounts& operator+=(const BleuCounts& other);
  /// BLEU-1 to BLEU-4.
  std::array<double, kMaxOrder> scores() const;
};

/// ROUGE-L (Lin 2004) with β = 1.2, of words as numbers. The longest common subsequence is compared with the
/// best precision and the best recall among the references, which may belong to different ones.
double rouge_l(const std::vector<uint32_t>& caption, const std::vector<std::vector<uint32_t>>& references);

/// CIDEr (Vedantam et al. 2015) as it is generally reported, CIDEr-D: with counts clipped to those of the
/// reference, and a Gaussian penalty (σ = 6) for other lengths. It is known only when all captions are,
/// because it weighs an n-gram by the number of records whose references have it.
class Cider {
 public:
  /// Adds a record: its caption, and its references, of which there is at least one; words as numbers of
  /// `table`.
  void add(NgramTable& table, const std::vector<uint32_t>& caption,
           const std::vector<std::vector<uint32_t>>& references, const std::vector<Ngrams>& reference_ngrams);
  /// The score of each record, between 0 and 10.
  std::vector<double> scores(NgramTable& table) const;

 private:
  std::vector<uint32_t> words_;       // of all captions: the caption of a record, then its references
  std::vector<uint32_t> lengths_;     // of all captions
  std::vector<uint32_t> references_;  // number of references of each record
  std::vector<uint32_t> frequencies_,
      latest_;  // of each n-gram: number of records, and number of the last one
};

}  // namespace flam
