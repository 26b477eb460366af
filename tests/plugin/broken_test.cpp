// Every broken plugin of tests/fixtures/plugins causes its own message and does not end the process.
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "framework/registry/registry.h"
#include "tests/plugin/fixture.h"

namespace flam {
namespace {
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string loading(const std::string& name) {
  return error_of([&] { Registry().load(fixture_plugin(name)); });
}

TEST(Broken, WrongMagic) {
  EXPECT_THAT(loading("wrong_magic"),
              AllOf(HasSubstr("libflam_wrong_magic.so"),
                    HasSubstr("magic number: plugin has 0x21444142, this program 0x464c414d")));
}

TEST(Broken, OlderSdk) {
  EXPECT_THAT(loading("older_sdk"),
              AllOf(HasSubstr("stamp size"), HasSubstr("SDK version: plugin has '0.1', this program '0.2'")));
}

TEST(Broken, NewerSdk) {
  EXPECT_THAT(loading("newer_sdk"),
              HasSubstr("SDK version: plugin has '1.2', this program '0.2'; build it again"));
}

TEST(Broken, OtherHeadersOfTheSameVersion) {
  EXPECT_THAT(loading("other_headers"),
              HasSubstr("SDK headers: plugin has '0123456789abcdef', this program '" +
                        std::string(program_stamp().sdk_headers) + "'; build it again"));
}

TEST(Broken, OtherCompiler) {
  EXPECT_THAT(loading("other_compiler"),
              AllOf(HasSubstr("compiler: plugin has 'msvc\\x1b[31m 7', this program '"),
                    HasSubstr("C++ library: plugin has 'libc++'"), Not(HasSubstr("\x1b"))));
}

TEST(Broken, OtherTorch) {
  EXPECT_THAT(loading("other_torch"), HasSubstr("libtorch: plugin has '" + std::string(48, '9') +
                                                "', this program '" FLAM_TORCH_VERSION));
}

TEST(Broken, NoEntry) {
  EXPECT_THAT(loading("no_entry"), HasSubstr("has no entry point 'flam_plugin'"));
}
TEST(Broken, NoStamp) {
  EXPECT_THAT(loading("no_stamp"), HasSubstr("returns no stamp"));
  EXPECT_THAT(loading("no_enroll"), HasSubstr("has a stamp without the function that enrolls components"));
}

TEST(Broken, Throwing) {
  EXPECT_THAT(loading("throwing_entry"), HasSubstr("throws in its entry point: no stamp today"));
  EXPECT_THAT(loading("throwing_enroll"), HasSubstr("fails to enroll its components: no components today"));
  EXPECT_THAT(loading("throwing_number"),
              HasSubstr("throws in its entry point something that is not a std::exception"));
  EXPECT_THAT(loading("enrolling_number"),
              HasSubstr("fails to enroll its components: throws something that is not a std::exception"));
}

TEST(Broken, WrongComponents) {
  EXPECT_THAT(loading("duplicate_name"), HasSubstr("registers metric 'twin' twice"));
  EXPECT_THAT(
      loading("unknown_kind"),
      HasSubstr("there is no kind of component 'resamplr'; did you mean 'resampler'? (known: transform,"));
}

TEST(Broken, MissingDependency) {
  EXPECT_THAT(loading("missing_dependency"),
              AllOf(HasSubstr("can't be loaded"), HasSubstr("libflam_gone.so")));
}

TEST(Broken, EndsTheProcess) {
  EXPECT_THAT(loading("aborts"), HasSubstr("ends the process while loading: Aborted (signal 6"));
  EXPECT_THAT(loading("exits"), HasSubstr("ends the process while loading: exit status 0"));
  EXPECT_THAT(loading("crashes"), HasSubstr("ends the process while loading: "));
}

using std::chrono::milliseconds;

std::string rehearsing(const std::function<void()>& act, const RehearsalLimits& limits) {
  const OpenOptions options{.rehearse = [&](const FlamPluginStamp&) { act(); }, .limits = limits};
  return error_of([&] { open_plugin(fixture_plugin("good"), options); });
}

void work_for(milliseconds time) {
  for (const auto start = std::chrono::steady_clock::now(); std::chrono::steady_clock::now() - start < time;)
    continue;
}

TEST(Broken, SleepsInItsConstructor) {
  const OpenOptions soon{.rehearse = {}, .limits = {.asleep = milliseconds(200)}};
  EXPECT_THAT(error_of([&] { open_plugin(fixture_plugin("sleeps"), soon); }),
              HasSubstr("was asleep for 0.2 s while loading (tried in a child process, which was stopped)"));
}

TEST(Broken, AShortSleepIsAllowedAndManyAreNot) {
  const auto nap = [] { std::this_thread::sleep_for(milliseconds(100)); };
  EXPECT_EQ(rehearsing(nap, {.asleep = milliseconds(400)}), "");
  const auto many_naps = [] {
    for (;;) {
      work_for(milliseconds(2));
      std::this_thread::sleep_for(milliseconds(40));
    }
  };
  EXPECT_THAT(rehearsing(many_naps, {.asleep = milliseconds(100)}),
              HasSubstr("was asleep for 0.6 s in all while loading"));
}

TEST(Broken, OneWorkingThreadMeansThatTheProcessIsNotAsleep) {
  const auto work = [] { std::thread([] { work_for(milliseconds(400)); }).join(); };
  EXPECT_EQ(rehearsing(work, {.asleep = milliseconds(150)}), "");
}

TEST(Broken, WaitingForAProcessorIsNotSleeping) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(sched_getcpu()), &one);
  std::atomic<bool> done = false;
  std::thread busy([&] {  // uses nearly all of the only processor that the child may use
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);
    while (!done) continue;
  });
  const auto start = std::chrono::steady_clock::now();
  const auto wait = [&] {
    const sched_param no_priority{};
    sched_setaffinity(0, sizeof one, &one);
    sched_setscheduler(0, SCHED_IDLE, &no_priority);
    while (std::chrono::steady_clock::now() - start < milliseconds(600)) continue;
  };
  const std::string error = rehearsing(wait, {.asleep = milliseconds(100)});
  done = true;
  busy.join();
  EXPECT_EQ(error, "");
}

TEST(Broken, AnEndlessLoopIsStopped) {
  const auto work = [] {
    for (;;) std::this_thread::yield();
  };
  EXPECT_THAT(rehearsing(work, {.working = milliseconds(50)}),
              HasSubstr("did not finish loading within 0.05 s"));
}

TEST(Broken, TheRehearsalOfTheCallerMayThrowAnything) {
  const OpenOptions odd{.rehearse = [](const FlamPluginStamp&) { throw 7; }};
  EXPECT_THAT(
      error_of([&] { open_plugin(fixture_plugin("good"), odd); }),
      AllOf(HasSubstr("libflam_good.so"), HasSubstr("throws something that is not a std::exception")));
}

TEST(Broken, NoDescriptorsLeftForTheChild) {
  const int next = open("/dev/null", O_RDONLY | O_CLOEXEC);  // the lowest free descriptor
  close(next);
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit one_more{static_cast<rlim_t>(next) + 1, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &one_more), 0);
  const std::string error = error_of([&] { open_plugin(fixture_plugin("good")); });
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_THAT(error,
              AllOf(HasSubstr("libflam_good.so"), HasSubstr("cannot create a pipe: Too many open files")));
}

TEST(Broken, AScanSkipsThem) {
  std::vector<std::filesystem::path> folders;
  for (const char* name : {"aborts", "good", "no_entry", "other_torch"}) {
    folders.push_back(fixture_plugin(name).parent_path());
  }
  Registry registry;
  registry.scan(folders);
  EXPECT_EQ(registry.problems().size(), 3);
  EXPECT_EQ(registry.find("metric", "good").origin, fixture_plugin("good"));
  EXPECT_THAT(error_of([&] { registry.find("metric", "god"); }),
              AllOf(HasSubstr("there is no metric 'god'; did you mean 'good'? (known: good)"),
                    HasSubstr("libflam_aborts.so"), HasSubstr("libflam_no_entry.so")));
}

}  // namespace
}  // namespace flam
