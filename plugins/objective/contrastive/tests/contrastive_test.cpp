#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "framework/component/given_batch.h"
#include "framework/testing/component.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using testing::HasSubstr;

Objective::Input input(int64_t pictures = 3) {
  Objective::Input in;
  in.media = {4, 5};
  in.hidden_size = 6;
  in.tasks = {"caption", "answer"};
  in.pictures = pictures;
  return in;
}

using Row = std::vector<double>;

/// The normalised projection of a vector.
Row projected(const at::Tensor& matrix, const Row& vector) {
  Row out;
  double square = 0;
  for (int64_t i = 0; i < matrix.size(0); ++i) {
    double sum = 0;
    for (int64_t j = 0; j < matrix.size(1); ++j) sum += matrix[i][j].item<double>() * vector[j];
    out.push_back(sum);
    square += sum * sum;
  }
  for (double& number : out) number /= std::sqrt(square);
  return out;
}

/// The mean over these rows of a matrix.
Row mean_of(const at::Tensor& rows, const std::vector<int64_t>& which) {
  Row out(rows.size(1));
  for (const int64_t row : which)
    for (size_t i = 0; i < out.size(); ++i)
      out[i] += rows[row][static_cast<int64_t>(i)].item<double>() / static_cast<double>(which.size());
  return out;
}

/// The tokens of one row that stand for its text.
std::vector<int64_t> pooled(const TextRows& text, int64_t row, bool last) {
  std::vector<int64_t> out;
  for (int64_t i = 0; i < text.ids.size(1); ++i) {
    if (last && text.mask[row][i].item<bool>()) out = {i};
    if (!last && i > 0 && text.in_answer[row][i - 1].item<bool>()) out.push_back(i);
  }
  return out;
}

/// The formula of the symmetric InfoNCE loss, written out (Radford et al. 2021, figure 3).
double expected(const GivenBatch& batch, size_t task, bool last, const at::Tensor& picture,
                const at::Tensor& text, double scale) {
  std::vector<Row> a, b;
  for (int64_t n = 0; n < batch.pictures(); ++n) {
    a.push_back(projected(picture, mean_of(batch.media()[n][0], {0, 1, 2, 3})));
    const int64_t row = 2 * n;  // the first of the two records of a picture
    b.push_back(projected(
        text, mean_of(batch.hidden(task, TextSees::nothing)[row], pooled(batch.text(task), row, last))));
  }
  const size_t count = a.size();
  const auto alike = [&](size_t i, size_t j) {
    double sum = 0;
    for (size_t k = 0; k < a[i].size(); ++k) sum += a[i][k] * b[j][k];
    return std::exp(scale * sum);
  };
  double loss = 0;
  for (size_t i = 0; i < count; ++i) {
    double of_texts = 0, of_pictures = 0;
    for (size_t j = 0; j < count; ++j) {
      of_texts += alike(i, j);
      of_pictures += alike(j, i);
    }
    loss -= std::log(alike(i, i) / of_texts) + std::log(alike(i, i) / of_pictures);
  }
  return loss / static_cast<double>(2 * count);
}

TEST(Contrastive, EqualsItsFormula) {
  for (const bool last : {true, false}) {
    Built<Objective> contrastive(
        last ? "{type: contrastive, width: 3}" : "{type: contrastive, width: 3, pool: mean, task: answer}",
        input());
    contrastive.fill_randomly();
    contrastive.weight("log_scale").fill_(std::log(7.0));
    const GivenBatch batch(GivenBatch::random(input(), 1));
    EXPECT_NEAR(
        contrastive->losses(batch).at(0).item<double>(),
        expected(batch, last ? 0 : 1, last, contrastive.weight("picture"), contrastive.weight("text"), 7),
        1e-5)
        << last;
  }
}

TEST(Contrastive, TheScaleBeginsAtTheTemperatureAndIsLimited) {
  Built<Objective> contrastive("{type: contrastive, width: 3, temperature: 0.2}", input());
  contrastive.store.initialise(at::kCPU, at::kFloat, 1);
  const GivenBatch batch(GivenBatch::random(input(), 1));
  const auto loss_at = [&](double scale) {
    return expected(batch, 0, true, contrastive.weight("picture"), contrastive.weight("text"), scale);
  };
  EXPECT_NEAR(contrastive->losses(batch).at(0).item<double>(), loss_at(5), 1e-5);
  contrastive.weight("log_scale").fill_(9);
  EXPECT_NEAR(contrastive->losses(batch).at(0).item<double>(), loss_at(100), 1e-3);
}

TEST(Contrastive, WrongUseIsAnError) {
  const auto error = [](const char* yaml, const Objective::Input& in) {
    return test::error_of([&] { const Built<Objective> contrastive(yaml, in); });
  };
  EXPECT_THAT(error("{type: contrastive}", input(1)), HasSubstr("but a batch has one; set train.batch_size"));
  EXPECT_THAT(error("{type: contrastive, task: title}", input()),
              HasSubstr("the task heads answer caption, answer; name one of these"));
}

}  // namespace
}  // namespace flam
