#pragma once
// Processes that a launcher started together.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "framework/base/error.h"
#include "framework/distributed/store.h"

namespace flam {

/// One process's membership of its group. While it exists, the others see that the process lives. An error in
/// one process ends all of them; a process that dies without a word is noticed by its silence.
class FLAM_API Group {
 public:
  using Cancelled = std::function<bool()>;

  /// Connects to the store. `timeout`: how long to wait for the store, and after which silence a process
  /// counts as dead. RunError: as in Store.
  Group(const Launch& launch, std::chrono::milliseconds timeout);
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  const Launch& launch() const { return launch_; }
  int64_t rank() const { return launch_.rank; }
  bool is_first() const { return launch_.rank == 0; }
  Store& store() { return *store_; }
  /// How often the process of this rank has joined the group; more than 1 if it was started again.
  int64_t joined() const { return joined_; }
  std::chrono::milliseconds timeout() const { return timeout_; }

  /// Whether a process has given no sign of life for the timeout. Only what happens between calls counts.
  bool silent(int64_t rank) { return quiet(rank) >= timeout_; }
  /// RunError: silent().
  void require_alive(int64_t rank);
  /// To be called when the connection with another process broke, with the reason that was given. Throws what
  /// a process has failed with, as check(), or which one has ended; RunError.
  [[noreturn]] void explain_loss(const std::string& reason);
  /// Throws what another process has failed with: with its message in rank 0, with its rank in the others.
  void check();
  /// Does work, and ends the other processes if it throws. Rank 0 then throws what another process has failed
  /// with so far; if it serves the store, it first waits until the others have ended, too.
  template <class Work>
  void run(const Work& work) {
    try {
      work();
    } catch (const Error& error) {
      fail(error.kind(), error.what());
      throw;
    } catch (const std::exception& error) {
      fail(ErrorKind::failed, error.what());
      throw;
    }
    leave(std::chrono::milliseconds::max());
    if (is_first()) check();
  }
  /// Waits until a key has a value. RunError: rank 0 is silent. Interrupted: `cancelled` returned true.
  std::string wait_for(const std::string& key, const Cancelled& cancelled);
  /// One round of waiting: sleeps for a moment, then as check(). Interrupted: `cancelled` returned true.
  void pause(const Cancelled& cancelled);

  /// Whether mark_done() was called before the launcher last restarted all processes.
  bool was_done(const std::string& what);
  void mark_done(const std::string& what);

 private:
  class Heart;
  struct Sign {
    int64_t value = 0;
    std::chrono::steady_clock::time_point since;
  };
  void join();
  std::chrono::milliseconds quiet(int64_t rank);
  void fail(ErrorKind kind, const std::string& message) noexcept;
  void leave(std::chrono::milliseconds longest);
  bool has_left(int64_t rank);

  const Launch launch_;
  const std::chrono::milliseconds timeout_, beat_;
  const std::chrono::steady_clock::time_point start_;
  std::unique_ptr<Store> store_, lasting_;  // lasting_: without the prefix of this start
  std::unique_ptr<Heart> heart_;
  int64_t joined_ = 0;
  std::map<int64_t, Sign> signs_;
};

}  // namespace flam
