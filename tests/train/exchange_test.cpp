// Processes that train together, each as a thread.
#include "framework/train/exchange.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "tests/distributed/free_port.h"

namespace flam {
namespace {

void in_processes(int64_t size, const std::function<void(Group&, Exchange&)>& work) {
  const uint16_t port = test::free_port();
  std::vector<std::thread> ranks;
  for (int64_t rank = 0; rank < size; ++rank) {
    ranks.emplace_back([&, rank] {
      Launch launch{"torchrun", rank, size};
      launch.host = "127.0.0.1";
      launch.port = port;
      Group group(launch, std::chrono::seconds(20));
      group.run([&] {
        Collectives collectives(group, nullptr);
        Exchange exchange(&collectives);
        work(group, exchange);
      });
    });
  }
  for (std::thread& rank : ranks) rank.join();
}

TrainedTensor with_gradient(const at::Tensor& gradient, at::IntArrayRef shape) {
  TrainedTensor out;
  out.base.value = at::zeros(shape, at::kFloat);
  out.base.value.mutable_grad() = gradient;
  return out;
}

TEST(Exchange, OneProcessKeepsWhatItHas) {
  Exchange exchange(nullptr);
  EXPECT_TRUE(exchange.is_first());
  EXPECT_EQ(exchange.part_of(7), std::pair(int64_t{0}, int64_t{7}));
  const at::Tensor numbers = at::full({2}, 3, at::kDouble);
  exchange.sum({}, numbers);
  exchange.share({numbers});
  EXPECT_TRUE(at::equal(numbers, at::full({2}, 3, at::kDouble)));
}

TEST(Exchange, SumsGradientsOfAnyShapeAndOnlyThose) {
  constexpr int64_t kMoreThanOneBuffer = (int64_t{1} << 24) + 5;
  std::vector<std::vector<TrainedTensor>> tensors(2);
  std::vector<at::Tensor> numbers(2);
  in_processes(2, [&](Group& group, Exchange& exchange) {
    const int64_t rank = group.rank();
    auto& mine = tensors[rank];
    mine.push_back(with_gradient(at::full({3}, rank + 1, at::kFloat), {3}));
    mine.push_back(with_gradient(at::Tensor(), {4}));  // in no process
    mine.push_back(with_gradient(rank == 1 ? at::full({2, 2}, 5, at::kFloat) : at::Tensor(), {2, 2}));
    mine.push_back(with_gradient(at::arange(6, at::kFloat).view({2, 3}).t(), {3, 2}));  // not contiguous
    mine.push_back(with_gradient(at::arange(kMoreThanOneBuffer, at::kFloat), {kMoreThanOneBuffer}));
    numbers[rank] = at::full({2}, 10.0 * (rank + 1), at::kDouble);
    exchange.sum(mine, numbers[rank]);
  });
  for (int rank = 0; rank < 2; ++rank) {
    const auto gradient = [&](size_t i) { return tensors[rank][i].base.value.grad(); };
    EXPECT_TRUE(at::equal(gradient(0), at::full({3}, 3, at::kFloat)));
    EXPECT_FALSE(gradient(1).defined());
    EXPECT_TRUE(at::equal(gradient(2), at::full({2, 2}, 5, at::kFloat)));
    EXPECT_TRUE(at::equal(gradient(3), at::arange(6, at::kFloat).view({2, 3}).t() * 2));
    EXPECT_TRUE(at::equal(gradient(4), at::arange(kMoreThanOneBuffer, at::kFloat) * 2));
    EXPECT_TRUE(at::equal(numbers[rank], at::full({2}, 30, at::kDouble)));
  }
}

TEST(Exchange, SharesWhatTheFirstProcessHasAndPartsOfWork) {
  std::vector<at::Tensor> tensors(3);
  std::vector<std::pair<int64_t, int64_t>> parts(3);
  in_processes(3, [&](Group& group, Exchange& exchange) {
    const int64_t rank = group.rank();
    tensors[rank] = at::full({2, 3}, rank + 1, at::kFloat).t();
    exchange.share({tensors[rank]});
    parts[rank] = exchange.part_of(8);
    EXPECT_EQ(exchange.is_first(), rank == 0);
  });
  for (const at::Tensor& tensor : tensors) EXPECT_TRUE(at::equal(tensor, at::full({3, 2}, 1, at::kFloat)));
  EXPECT_EQ(parts, (std::vector<std::pair<int64_t, int64_t>>{{0, 2}, {2, 5}, {5, 8}}));
}

}  // namespace
}  // namespace flam
