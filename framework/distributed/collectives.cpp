#include "framework/distributed/collectives.h"

#define USE_C10D_GLOO  // declares ProcessGroupGloo
#include <torch/version.h>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "framework/base/text.h"

// ProcessGroupGloo is not part of libtorch's documented interface. Another version needs another look at its
// header, and at gloo_declarations.h.
static_assert(TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR == 11);

namespace flam {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

namespace {

/// The group notices processes that have died, so Gloo itself may wait as long as others compute.
constexpr std::chrono::hours kNoLimit{24 * 365};

std::string first_line(const std::exception& error) {
  const std::string text = error.what();
  return printable(text.substr(0, text.find('\n')), 200);
}

}  // namespace

struct Collectives::Backend {
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;
};

Collectives::Collectives(Group& group, const Group::Cancelled& cancelled)
    : group_(group), backend_(std::make_unique<Backend>()) {
  // Gloo would wait for a process that has failed.
  const auto here = [](int64_t rank) { return cat("collectives/", rank); };
  group.store().set(here(group.rank()), "1");
  const auto size = group.launch().world_size;
  for (int64_t rank = 0; rank < size; ++rank) {
    while (!group.store().has({here(rank)})) {
      group.require_alive(rank);
      group.pause(cancelled);
    }
  }
  try {
    const auto options = c10d::ProcessGroupGloo::Options::create_default(group.timeout());
    backend_->gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(
        group.store().for_libtorch(), static_cast<int>(group.rank()), static_cast<int>(size), options);
  } catch (const std::exception& error) {
    group.check();
    throw RunError(cat("rank ", group.rank(), " can't connect with the other processes (", first_line(error),
                       "); set GLOO_SOCKET_IFNAME to the network interface by which they reach one another"));
  }
}

Collectives::~Collectives() = default;

template <class Start>
void Collectives::run(const Start& start) {
  constexpr microseconds kShortest{20}, kLongest{1000};
  constexpr milliseconds kBetweenChecks{300};
  c10::intrusive_ptr<c10d::Work> work;
  std::string lost;
  try {
    work = start(*backend_->gloo);
    auto checked = Clock::now();
    for (auto pause = kShortest; !work->isCompleted(); pause = std::min(2 * pause, kLongest)) {
      std::this_thread::sleep_for(pause);
      if (Clock::now() - checked < kBetweenChecks) continue;
      checked = Clock::now();
      group_.check();
      for (int64_t rank = 0; rank < group_.launch().world_size; ++rank) group_.require_alive(rank);
    }
    work->wait();  // throws what it failed with
    return;
  } catch (const Error&) {
    // Gloo can't be stopped while it waits for another process, so it stays as it is until this process ends.
    (void)backend_->gloo.release();
    throw;
  } catch (const std::exception& error) {
    lost = first_line(error);
  }
  group_.explain_loss(lost);
}

void Collectives::sum(const at::Tensor& numbers) {
  run([&](c10d::ProcessGroupGloo& gloo) {
    std::vector<at::Tensor> tensors = {numbers};
    c10d::AllreduceOptions options;
    options.timeout = kNoLimit;
    return gloo.allreduce(tensors, options);
  });
}

void Collectives::broadcast(const at::Tensor& numbers) {
  run([&](c10d::ProcessGroupGloo& gloo) {
    std::vector<at::Tensor> tensors = {numbers};
    c10d::BroadcastOptions options;
    options.timeout = kNoLimit;
    return gloo.broadcast(tensors, options);
  });
}

}  // namespace flam
