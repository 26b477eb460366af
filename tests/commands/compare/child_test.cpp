#include "framework/commands/compare/child.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>

#include "framework/base/error.h"

namespace flam {
namespace {

using testing::HasSubstr;

TEST(Child, DoesNotChangeTheParent) {
  int here = 1;
  const ChildEnd end = run_in_child([&] { return ++here == 2; }, nullptr);
  EXPECT_EQ(end.error, "");
  EXPECT_FALSE(end.cancelled);
  EXPECT_EQ(here, 1);
}

TEST(Child, ItsErrorReachesTheParent) {
  const ChildEnd end = run_in_child([]() -> bool { throw Error(std::string(100'000, 'x')); }, nullptr);
  EXPECT_EQ(end.error, std::string(100'000, 'x'));
}

TEST(Child, AChildThatDiesIsAnError) {
  EXPECT_THAT(run_in_child([] { return raise(SIGKILL) == 0; }, nullptr).error,
              HasSubstr("signal 9 (Killed); was there not enough memory?"));
  EXPECT_THAT(run_in_child([]() -> bool { _exit(3); }, nullptr).error,
              HasSubstr("ended with status 3 without a report"));
}

TEST(Child, TheCallerWorksMeanwhile) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  int calls = 0;
  const auto until_three_calls = [&] {
    constexpr int kLimit = 60'000;
    pollfd wanted{ready[0], POLLIN, 0};
    return poll(&wanted, 1, kLimit) == 1;
  };
  const ChildEnd end = run_in_child(until_three_calls, nullptr, [&] {
    if (++calls == 3) {
      EXPECT_EQ(write(ready[1], "!", 1), 1);
    }
  });
  close(ready[0]);
  close(ready[1]);
  EXPECT_EQ(end.error, "");
  EXPECT_GE(calls, 3);
}

using std::chrono::steady_clock, std::chrono::seconds, std::chrono::milliseconds;

TEST(Child, AProcessThatItLeavesBehindIsNotWaitedFor) {
  const auto start = steady_clock::now();
  const ChildEnd end = run_in_child(
      [] {
        if (fork() > 0) return true;
        alarm(20);  // it holds the pipe open until then
        for (;;) pause();
      },
      nullptr);
  EXPECT_EQ(end.error, "");
  EXPECT_LT(steady_clock::now() - start, seconds(10));
}

TEST(Child, OneThatClosesItsPipeCanStillBeCancelled) {
  const auto start = steady_clock::now();
  const ChildEnd end = run_in_child(
      []() -> bool {
        signal(SIGTERM, SIG_DFL);
        closefrom(3);
        for (;;) pause();
      },
      [&] { return steady_clock::now() - start > milliseconds(300); });
  EXPECT_TRUE(end.cancelled);
  EXPECT_LT(steady_clock::now() - start, seconds(10));
}

TEST(Child, OneThatHangsBehindItsReportIsKilled) {
  const auto start = steady_clock::now();
  const ChildEnd end = run_in_child(
      [] {
        cookie_io_functions_t hanging{};
        hanging.write = [](void*, const char*, size_t) -> ssize_t {
          for (;;) pause();
        };
        stderr = fopencookie(nullptr, "w", hanging);  // the child flushes it before it leaves
        return std::fputs("a last word", stderr) >= 0;
      },
      nullptr, nullptr, milliseconds(300));
  EXPECT_EQ(end.error, "");
  EXPECT_LT(steady_clock::now() - start, seconds(10));
}

volatile std::sig_atomic_t told = 0;

TEST(Child, IsAskedToEndOnlyOnce) {
  int ready[2];
  ASSERT_EQ(pipe2(ready, O_NONBLOCK), 0);
  bool installed = false;
  const ChildEnd end = run_in_child(
      [&] {
        signal(SIGTERM, [](int) { told = told + 1; });
        if (write(ready[1], "!", 1) != 1) return false;
        for (int i = 0; i < 1000 && told == 0; ++i) usleep(10'000);
        usleep(300'000);
        return told != 1;  // reports success, not cancellation, if it was asked twice or never
      },
      [&] {
        char byte = 0;
        installed = installed || read(ready[0], &byte, 1) == 1;
        return installed;
      });
  close(ready[0]);
  close(ready[1]);
  EXPECT_TRUE(installed);
  EXPECT_TRUE(end.cancelled);
  EXPECT_EQ(end.error, "");
}

}  // namespace
}  // namespace flam
