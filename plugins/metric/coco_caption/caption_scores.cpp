#include "caption_scores.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace flam {

namespace {

/// The end of the run of equal numbers that begins at `begin`.
size_t run_end(const std::vector<uint32_t>& sorted, size_t begin) {
  size_t end = begin + 1;
  while (end < sorted.size() && sorted[end] == sorted[begin]) ++end;
  return end;
}

/// Calls take(number, count) for each different number.
template <class Take>
void for_each_count(const std::vector<uint32_t>& sorted, const Take& take) {
  for (size_t begin = 0, end = 0; begin < sorted.size(); begin = end) {
    end = run_end(sorted, begin);
    take(sorted[begin], end - begin);
  }
}

/// How often sorted[at …] has a number; `at` moves to the first that is not less.
size_t count_from(const std::vector<uint32_t>& sorted, size_t& at, uint32_t number) {
  while (at < sorted.size() && sorted[at] < number) ++at;
  return at < sorted.size() && sorted[at] == number ? run_end(sorted, at) - at : 0;
}

size_t longest_common_subsequence(const std::vector<uint32_t>& a, const std::vector<uint32_t>& b) {
  std::vector<uint32_t> lengths(b.size() + 1, 0);  // of the words of a so far and the first words of b
  for (const uint32_t word : a) {
    uint32_t diagonal = 0;
    for (size_t j = 0; j < b.size(); ++j) {
      const uint32_t above = lengths[j + 1];
      lengths[j + 1] = word == b[j] ? diagonal + 1 : std::max(above, lengths[j]);
      diagonal = above;
    }
  }
  return lengths.back();
}

}  // namespace

BleuCounts::BleuCounts(const Ngrams& caption, const std::vector<Ngrams>& references) {
  length = std::ssize(caption[0]);
  reference_length = std::ssize(references.front()[0]);
  for (const Ngrams& reference : references) {
    const auto key = [&](int64_t words) { return std::pair(std::abs(words - length), words); };
    if (key(std::ssize(reference[0])) < key(reference_length)) reference_length = std::ssize(reference[0]);
  }
  for (size_t n = 0; n < kMaxOrder; ++n) {
    possible[n] = std::ssize(caption[n]);
    std::vector<size_t> at(references.size(), 0);
    for_each_count(caption[n], [&](uint32_t number, size_t count) {
      size_t most = 0;
      for (size_t r = 0; r < references.size(); ++r)
        most = std::max(most, count_from(references[r][n], at[r], number));
      correct[n] += static_cast<int64_t>(std::min(count, most));
    });
  }
}

BleuCounts& BleuCounts::operator+=(const BleuCounts& other) {
  length += other.length;
  reference_length += other.reference_length;
  for (size_t n = 0; n < kMaxOrder; ++n) {
    possible[n] += other.possible[n];
    correct[n] += other.correct[n];
  }
  return *this;
}

std::array<double, kMaxOrder> BleuCounts::scores() const {
  constexpr double kSmall = 1e-9, kTiny = 1e-15;  // as in pycocoevalcap, which divides by no zero so
  const double ratio =
      (static_cast<double>(length) + kTiny) / (static_cast<double>(reference_length) + kSmall);
  const double penalty = ratio < 1 ? std::exp(1 - 1 / ratio) : 1;
  std::array<double, kMaxOrder> out{};
  double product = 1;
  for (size_t n = 0; n < kMaxOrder; ++n) {
    product *= (static_cast<double>(correct[n]) + kTiny) / (static_cast<double>(possible[n]) + kSmall);
    out[n] = std::pow(product, 1 / static_cast<double>(n + 1)) * penalty;
  }
  return out;
}

double rouge_l(const std::vector<uint32_t>& caption, const std::vector<std::vector<uint32_t>>& references) {
  constexpr double kBeta2 = 1.2 * 1.2;
  double precision = 0, recall = 0;
  for (const auto& reference : references) {
    const auto common = static_cast<double>(longest_common_subsequence(reference, caption));
    precision = std::max(precision, common / static_cast<double>(caption.size()));
    recall = std::max(recall, common / static_cast<double>(reference.size()));
  }
  if (precision == 0 || recall == 0) return 0;
  return (1 + kBeta2) * precision * recall / (recall + kBeta2 * precision);
}

void Cider::add(NgramTable& table, const std::vector<uint32_t>& caption,
                const std::vector<std::vector<uint32_t>>& references,
                const std::vector<Ngrams>& reference_ngrams) {
  const auto keep = [&](const std::vector<uint32_t>& words) {
    words_.insert(words_.end(), words.begin(), words.end());
    lengths_.push_back(static_cast<uint32_t>(words.size()));
  };
  keep(caption);
  for (const auto& reference : references) keep(reference);
  references_.push_back(static_cast<uint32_t>(references.size()));
  frequencies_.resize(table.size());
  latest_.resize(table.size());
  const auto record = static_cast<uint32_t>(references_.size());
  for (const Ngrams& reference : reference_ngrams) {
    for (const auto& numbers : reference) {
      for (const uint32_t number : numbers) {
        if (std::exchange(latest_[number], record) != record) ++frequencies_[number];
      }
    }
  }
}

std::vector<double> Cider::scores(NgramTable& table) const {
  const double log_records = std::log(static_cast<double>(references_.size()));
  std::vector<double> weights(table.size(), log_records);  // of n-grams: inverse document frequencies
  for (size_t i = 0; i < frequencies_.size(); ++i)
    weights[i] -= std::log(std::max<double>(1, frequencies_[i]));
  const auto norms = [&](const Ngrams& ngrams) {
    std::array<double, kMaxOrder> out{};
    for (size_t n = 0; n < kMaxOrder; ++n) {
      for_each_count(ngrams[n], [&](uint32_t number, size_t count) {
        out[n] += std::pow(static_cast<double>(count) * weights[number], 2);
      });
      out[n] = std::sqrt(out[n]);
    }
    return out;
  };
  std::vector<double> out;
  const uint32_t* words = words_.data();
  const uint32_t* length = lengths_.data();
  for (const uint32_t references : references_) {
    const Ngrams caption = table.ngrams(words, *length);
    const auto caption_norms = norms(caption);
    const auto caption_bigrams = static_cast<double>(caption[1].size());
    words += *length++;
    double sum = 0;
    for (uint32_t r = 0; r < references; ++r) {
      const Ngrams reference = table.ngrams(words, *length);
      const auto reference_norms = norms(reference);
      words += *length++;
      const double delta = caption_bigrams - static_cast<double>(reference[1].size());
      double similarity = 0;
      for (size_t n = 0; n < kMaxOrder; ++n) {
        double product = 0;
        size_t at = 0;
        for_each_count(caption[n], [&](uint32_t number, size_t count) {
          const auto theirs = static_cast<double>(count_from(reference[n], at, number));
          const double weight = weights[number];
          product += std::min(static_cast<double>(count), theirs) * weight * theirs * weight;
        });
        const double norm = caption_norms[n] * reference_norms[n];
        similarity += norm != 0 ? product / norm : 0;
      }
      sum += similarity * std::exp(-delta * delta / (2 * 6.0 * 6.0));
    }
    out.push_back(10 * sum / static_cast<double>(kMaxOrder) / references);
  }
  return out;
}

}  // namespace flam
