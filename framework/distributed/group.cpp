#include "framework/distributed/group.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include "framework/base/interrupted.h"
#include "framework/base/log.h"
#include "framework/base/text.h"

namespace flam {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

namespace {

constexpr milliseconds kPause{50};
constexpr const char* kLasting = "flam/";

std::string beat_key(int64_t rank) {
  return cat("beat/", rank);
}

milliseconds since(Clock::time_point then) {
  return std::chrono::duration_cast<milliseconds>(Clock::now() - then);
}

}  // namespace

/// Signs of life, from a thread with a connection of its own, because computing may take long.
class Group::Heart {
 public:
  Heart(std::unique_ptr<Store> store, std::string key, milliseconds interval)
      : store_(std::move(store)),
        thread_([this, key = std::move(key), interval](const std::stop_token& stop) {
          try {
            std::unique_lock lock(mutex_);
            while (!stop.stop_requested()) {
              store_->add(key, 1);
              wake_.wait_for(lock, stop, interval, [] { return false; });
            }
          } catch (const std::exception&) {
            // The connection is lost, which the next call of the program's own thread finds, too.
          }
        }) {}

 private:
  std::unique_ptr<Store> store_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

Group::Group(const Launch& launch, milliseconds timeout)
    : launch_(launch),
      timeout_(timeout),
      beat_(std::clamp(timeout / 10, milliseconds(20), milliseconds(1000))),
      start_(Clock::now()) {
  join();
  heart_ = std::make_unique<Heart>(store_->again(), beat_key(rank()), beat_);
}

Group::~Group() = default;

void Group::join() {
  for (;;) {
    store_ = std::make_unique<Store>(launch_, std::max(timeout_ - since(start_), milliseconds(100)));
    lasting_ = store_->again();
    lasting_->set_prefix(kLasting);
    std::string prefix = kLasting;
    if (launch_.store_of_launcher) {
      // That store lives through restarts, and through several commands that one script runs in turn.
      prefix += cat("start_", launch_.restarts, "/");
      prefix += cat("command_", lasting_->add(cat(prefix, "commands/", rank()), 1), "/");
    }
    store_->set_prefix(prefix);
    if (launch_.store_of_launcher || !has_left(rank())) break;
    // Rank 0 of the command before, from the same script, has not ended yet.
    store_.reset();
    std::this_thread::sleep_for(kPause);
  }
  store_->add(beat_key(rank()), 1);  // before it can have a batch
  joined_ = store_->add(cat("joined/", rank()), 1);
}

bool Group::has_left(int64_t rank) {
  return store_->has({cat("left/", rank)});
}

milliseconds Group::quiet(int64_t rank) {
  const int64_t value = store_->add(beat_key(rank), 0);
  const auto [sign, is_new] = signs_.try_emplace(rank, Sign{0, start_});
  if (value != sign->second.value) sign->second = {value, Clock::now()};
  return since(sign->second.since);
}

void Group::require_alive(int64_t rank) {
  if (!silent(rank)) return;
  throw RunError(cat("rank ", rank, " has given no sign of life for ",
                     std::chrono::duration<double>(timeout_).count(), " s"));
}

void Group::explain_loss(const std::string& reason) {
  const auto is_dead = 5 * beat_;  // by this many beats after the connection broke
  signs_.clear();
  const auto begin = Clock::now();
  while (since(begin) < 2 * is_dead) {
    check();
    for (int64_t rank = 0; rank < launch_.world_size; ++rank) {
      if (quiet(rank) >= is_dead) throw RunError(cat("rank ", rank, " has ended without a message"));
    }
    std::this_thread::sleep_for(kPause);
  }
  throw RunError(cat("the connection with another process broke (", reason, ")"));
}

void Group::check() {
  const auto failed = store_->get("failed");
  if (!failed) return;
  // "KIND RANK MESSAGE"
  const size_t kind_end = failed->find(' '), rank_end = failed->find(' ', kind_end + 1);
  const std::string of = printable(failed->substr(kind_end + 1, rank_end - kind_end - 1), 20);
  const std::string message =
      is_first() ? cat("rank ", of, ": ", failed->substr(rank_end + 1))
                 : cat("ended, because rank ", of, " has failed", of == "0" ? "" : "; rank 0 says why");
  if (failed->starts_with("refused ")) throw Error(message);
  throw RunError(message);
}

void Group::fail(ErrorKind kind, const std::string& message) noexcept {
  try {
    store_->replace("failed", std::nullopt,
                    cat(kind == ErrorKind::refused ? "refused " : "failed ", rank(), " ", message));
    constexpr milliseconds kForOthersToSee{2000};
    leave(std::min(timeout_, kForOthersToSee));
  } catch (const std::exception&) {
    // Without the store, the others end by themselves.
  }
}

void Group::leave(milliseconds longest) {
  store_->set(cat("left/", rank()), "1");
  if (!is_first() || launch_.store_of_launcher) return;
  const auto begin = Clock::now();
  const auto is_gone = [&](int64_t rank) {
    if (has_left(rank)) return true;
    const bool has_come = store_->has({cat("joined/", rank)});
    return quiet(rank) > (has_come ? 10 * beat_ : timeout_);
  };
  for (int64_t rank = 1; rank < launch_.world_size; ++rank) {
    while (!is_gone(rank) && since(begin) < longest) std::this_thread::sleep_for(kPause);
    if (!store_->has({cat("joined/", rank)})) log_warn(cat("rank ", rank, " has not joined the others"));
  }
}

std::string Group::wait_for(const std::string& key, const Cancelled& cancelled) {
  for (;;) {
    if (auto value = store_->get(key)) return *value;
    require_alive(0);
    pause(cancelled);
  }
}

void Group::pause(const Cancelled& cancelled) {
  std::this_thread::sleep_for(kPause);
  check();
  if (cancelled && cancelled()) throw Interrupted();
}

bool Group::was_done(const std::string& what) {
  return launch_.restarts > 0 && lasting_->has({"done/" + what});
}

void Group::mark_done(const std::string& what) {
  lasting_->set("done/" + what, "1");
}

}  // namespace flam
