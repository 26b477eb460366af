// Groups of several members in one process, each with a thread.
#include "framework/distributed/group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <thread>

#include "framework/distributed/batch_dealer.h"
#include "tests/distributed/free_port.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using std::chrono::milliseconds;
using test::error_of;
using testing::AllOf;
using testing::HasSubstr;

class Members : public testing::Test {
 protected:
  Launch launch(int64_t rank) const {
    Launch out;
    out.launcher = "torchrun";
    out.rank = rank;
    out.world_size = 3;
    out.host = "127.0.0.1";
    out.port = port_;
    return out;
  }
  std::unique_ptr<Group> join(int64_t rank) const { return std::make_unique<Group>(launch(rank), timeout_); }

  const uint16_t port_ = test::free_port();
  milliseconds timeout_{20'000};
};

TEST_F(Members, EachBatchIsDealtOnce) {
  constexpr int64_t kBatches = 2500;
  const auto first = join(0);
  std::mutex mutex;
  std::multiset<int64_t> dealt;
  const auto work = [&](Group& group) {
    BatchDealer dealer(group, kBatches);
    auto batch = dealer.draw();
    while (batch || (batch = dealer.rescue(nullptr, nullptr))) {
      {
        const std::lock_guard lock(mutex);
        dealt.insert(*batch);
      }
      dealer.finish(*batch, 2, 1);
      batch = dealer.draw();
    }
    EXPECT_EQ(dealer.records_done(), 2 * kBatches);
    EXPECT_EQ(dealer.records_kept(), kBatches);
  };
  std::vector<std::thread> others;
  for (const int64_t rank : {1, 2}) {
    others.emplace_back([&, rank] {
      const auto group = join(rank);
      group->run([&] { work(*group); });
    });
  }
  first->run([&] { work(*first); });
  for (std::thread& other : others) other.join();
  EXPECT_EQ(dealt.size(), kBatches);
  EXPECT_EQ(std::set<int64_t>(dealt.begin(), dealt.end()).size(), kBatches);
}

TEST_F(Members, ABatchOfAProcessThatStartsAgainIsDealtAgain) {
  const auto first = join(0);
  BatchDealer mine(*first, 3);
  auto other = join(1);
  EXPECT_EQ(other->joined(), 1);
  {
    BatchDealer theirs(*other, 3);
    EXPECT_EQ(theirs.draw(), 0);
    EXPECT_EQ(theirs.draw(), 1);
    theirs.finish(0, 1, 0);
  }
  EXPECT_EQ(mine.draw(), 2);
  EXPECT_EQ(mine.draw(), std::nullopt);
  mine.finish(2, 1, 0);
  other.reset();
  other = join(1);
  EXPECT_EQ(other->joined(), 2);
  EXPECT_EQ(mine.rescue(nullptr, nullptr), 1);
  mine.finish(1, 1, 0);
  EXPECT_EQ(mine.rescue(nullptr, nullptr), std::nullopt);
  EXPECT_EQ(mine.records_done(), 3);
}

TEST_F(Members, ABatchOfASilentProcessIsDealtAgain) {
  timeout_ = milliseconds(400);
  const auto first = join(0);
  BatchDealer mine(*first, 1);
  {
    const auto other = join(1);
    EXPECT_EQ(BatchDealer(*other, 1).draw(), 0);
  }
  EXPECT_EQ(mine.draw(), std::nullopt);
  int64_t waited = 0;
  EXPECT_EQ(mine.rescue(nullptr, [&] { ++waited; }), 0);
  EXPECT_GT(waited, 0);
}

TEST_F(Members, ABatchThatNobodyClaimedIsDealtAgain) {
  timeout_ = milliseconds(400);
  const auto first = join(0);
  BatchDealer mine(*first, 1);
  first->store().add("next", 1);  // as if a process had died at this moment
  EXPECT_EQ(mine.draw(), std::nullopt);
  EXPECT_EQ(mine.rescue(nullptr, nullptr), 0);
}

TEST_F(Members, AnErrorEndsAll) {
  const auto first = join(0), second = join(1), third = join(2);
  std::thread failing(
      [&] { EXPECT_EQ(error_of([&] { second->run([] { throw Error("two\nlines"); }); }), "two\nlines"); });
  failing.join();
  EXPECT_EQ(error_of([&] { first->check(); }), "rank 1: two\nlines");
  EXPECT_EQ(error_of([&] { third->wait_for("nothing", nullptr); }),
            "ended, because rank 1 has failed; rank 0 says why");
  EXPECT_EQ(error_of([&] { third->run([] { throw RunError("another"); }); }), "another");
  EXPECT_EQ(error_of([&] { first->check(); }), "rank 1: two\nlines");  // the first one counts
}

TEST_F(Members, TheFirstFailsIfAnotherDoesAfterItsWork) {
  Launch alone = launch(0);
  alone.world_size = 2;
  Launch other = alone;
  other.rank = 1;
  std::unique_ptr<Group> first, second;
  std::thread connecting([&] { second = std::make_unique<Group>(other, timeout_); });
  first = std::make_unique<Group>(alone, timeout_);
  connecting.join();
  std::thread failing([&] {
    error_of([&] {
      second->run([&] {
        while (!second->store().has({"left/0"})) std::this_thread::sleep_for(milliseconds(5));
        throw Error("another folder");
      });
    });
  });
  EXPECT_EQ(error_of([&] { first->run([] {}); }), "rank 1: another folder");
  failing.join();
}

TEST_F(Members, WaitingEndsOnRequestAndWithRank0) {
  timeout_ = milliseconds(400);
  auto first = join(0);
  const auto second = join(1);
  EXPECT_EQ(error_of([&] { second->wait_for("nothing", [] { return true; }); }), "interrupted");
  first->store().set("key", "a value");
  EXPECT_EQ(second->wait_for("key", nullptr), "a value");
  first.reset();
  EXPECT_THAT(error_of([&] { second->wait_for("nothing", nullptr); }),
              AllOf(HasSubstr("the connection to the store at 127.0.0.1:"), HasSubstr("is lost"),
                    testing::Not(HasSubstr("\n"))));
}

TEST_F(Members, AStoreThatIsNotThereIsAnError) {
  timeout_ = milliseconds(300);
  EXPECT_THAT(error_of([&] { join(1); }),
              AllOf(HasSubstr("rank 1 can't reach the store of rank 0 at 127.0.0.1:"),
                    HasSubstr("within 0.3 s"), HasSubstr("MASTER_ADDR"), testing::Not(HasSubstr("\n"))));
  timeout_ = milliseconds(10'000);  // the machine may be busy
  const auto first = join(0);
  EXPECT_THAT(error_of([&] { join(0); }), HasSubstr("another program uses it; set another MASTER_PORT"));
}

TEST_F(Members, AStoreOfTheLauncherServesManyCommandsAndRestarts) {
  Store launchers(launch(0), timeout_);
  const auto start = [&](int64_t rank, int64_t restarts) {
    Launch of = launch(rank);
    of.store_of_launcher = true;
    of.restarts = restarts;
    return std::make_unique<Group>(of, timeout_);
  };
  {
    const auto first = start(0, 0), second = start(1, 0);
    first->store().set("key", "1");
    EXPECT_EQ(second->store().get("key"), "1");
    EXPECT_FALSE(first->was_done("this"));
    first->mark_done("this");
    EXPECT_FALSE(first->was_done("this"));  // nothing was started again
  }
  const auto next_command = start(1, 0);
  EXPECT_EQ(next_command->store().get("key"), std::nullopt);
  const auto restarted = start(0, 1);
  EXPECT_EQ(restarted->store().get("key"), std::nullopt);
  EXPECT_TRUE(restarted->was_done("this"));
}

}  // namespace
}  // namespace flam
