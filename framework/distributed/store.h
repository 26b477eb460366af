#pragma once
// The values that the processes of a group share. libtorch's TCPStore holds them; its header is not included
// here.

#include <c10/util/intrusive_ptr.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/distributed/launch.h"

namespace c10d {
class Store;
}

namespace flam {

/// A connection to the store. No call waits for a value. Threads need a connection each. All calls: RunError
/// if the connection is lost.
class FLAM_API Store {
 public:
  /// Rank 0 serves the store, unless the launcher does; the others connect to it. RunError: it can't be
  /// served, or is not reached within the time.
  Store(const Launch& launch, std::chrono::milliseconds timeout);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Goes before all keys that are used from now on.
  void set_prefix(std::string prefix) { prefix_ = std::move(prefix); }
  /// Another connection, with the same prefix.
  std::unique_ptr<Store> again() const;
  /// The same for libtorch, which waits for values.
  c10::intrusive_ptr<c10d::Store> for_libtorch() const;

  void set(const std::string& key, const std::string& value);
  std::optional<std::string> get(const std::string& key);
  /// Whether all keys have values.
  bool has(const std::vector<std::string>& keys);
  /// Adds to a number that is 0 at first, and returns the sum. The value must have been made so.
  int64_t add(const std::string& key, int64_t number);
  /// Replaces the value if it is `expected` (nullopt: there is none), and returns whether it did. Values that
  /// are set so must differ from those that others set.
  bool replace(const std::string& key, const std::optional<std::string>& expected, const std::string& value);

 private:
  struct Connection;
  explicit Store(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
  std::string prefix_;
};

}  // namespace flam
