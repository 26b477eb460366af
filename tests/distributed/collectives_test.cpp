// Groups of several members in one process, each with a thread.
#include "framework/distributed/collectives.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <functional>
#include <thread>
#include <vector>

#include "tests/distributed/free_port.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using std::chrono::milliseconds;
using test::error_of;

class CollectivesTest : public testing::Test {
 protected:
  /// Runs the work of each rank; what it threw.
  std::vector<std::string> run(int64_t size, const std::function<void(Collectives&)>& work) const {
    std::vector<std::string> errors(size);
    std::vector<std::thread> ranks;
    for (int64_t rank = 0; rank < size; ++rank) {
      ranks.emplace_back([&, rank] {
        Launch launch{"torchrun", rank, size};
        launch.host = "127.0.0.1";
        launch.port = port_;
        try {
          Group group(launch, timeout_);
          group.run([&] {
            Collectives collectives(group, nullptr);
            work(collectives);
          });
        } catch (const std::exception& error) {
          errors[rank] = error.what();
        }
      });
    }
    for (std::thread& rank : ranks) rank.join();
    return errors;
  }

  const uint16_t port_ = test::free_port();
  milliseconds timeout_{20'000};
};

TEST_F(CollectivesTest, SumsAndBroadcastsInAllRanks) {
  for (const int64_t size : {2, 3}) {
    std::vector<at::Tensor> sums(size), exact(size), first(size);
    const auto errors = run(size, [&](Collectives& collectives) {
      const int64_t rank = collectives.group().rank();
      // Thirds are rounded, so the ranks have the same bits only if they add in the same order.
      sums[rank] = at::arange(1000, at::kFloat) / 3 + static_cast<double>(rank) / 7;
      exact[rank] = at::full({1}, (rank + 1) * 1e9, at::kDouble);
      first[rank] = at::full({5}, rank + 4, at::kFloat);
      collectives.sum(sums[rank]);
      collectives.sum(exact[rank]);
      collectives.broadcast(first[rank]);
    });
    const auto of_ranks = static_cast<double>(size);
    const at::Tensor expected =
        at::arange(1000, at::kFloat) / 3 * of_ranks + of_ranks * (of_ranks - 1) / 2 / 7;
    for (int64_t rank = 0; rank < size; ++rank) {
      ASSERT_EQ(errors[rank], "");
      EXPECT_TRUE(sums[rank].allclose(expected));
      EXPECT_TRUE(at::equal(sums[rank], sums[0]));
      EXPECT_EQ(exact[rank].item().toDouble(), size * (size + 1) / 2 * 1e9);
      EXPECT_TRUE(at::equal(first[rank], at::full({5}, 4, at::kFloat)));
    }
  }
}

TEST_F(CollectivesTest, AnErrorInOneRankReachesThoseThatWait) {
  const auto errors = run(3, [&](Collectives& collectives) {
    if (collectives.group().rank() == 1) throw Error("the record 'x' has no picture");
    collectives.sum(at::full({10}, 1, at::kFloat));
  });
  EXPECT_EQ(errors[0], "rank 1: the record 'x' has no picture");
  EXPECT_EQ(errors[1], "the record 'x' has no picture");
  EXPECT_EQ(errors[2], "ended, because rank 1 has failed; rank 0 says why");
}

TEST_F(CollectivesTest, AProcessThatNeverComesIsAnError) {
  Launch launch{"torchrun", 0, 2};
  launch.host = "127.0.0.1";
  launch.port = port_;
  {
    Group patient(launch, milliseconds(60'000));
    EXPECT_EQ(error_of([&] { Collectives(patient, [] { return true; }); }), "interrupted");
  }
  Group group(launch, milliseconds(500));
  EXPECT_EQ(error_of([&] { Collectives(group, nullptr); }), "rank 1 has given no sign of life for 0.5 s");
}

}  // namespace
}  // namespace flam
