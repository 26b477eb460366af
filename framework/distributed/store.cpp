#include "framework/distributed/store.h"

#include <c10/util/Logging.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <cstdlib>
#include <utility>

#include "framework/base/error.h"
#include "framework/base/text.h"

namespace flam {

struct Store::Connection {
  c10::intrusive_ptr<c10d::Store> store;
  std::string address;

  /// Turns errors of libtorch, which have several lines, into one.
  template <class Work>
  auto use(const Work& work) const {
    try {
      return work();
    } catch (const std::exception& error) {
      const std::string text = error.what();
      throw RunError(cat("the connection to the store at ", address,
                         " is lost: the process that serves it has "
                         "ended, or can't be reached (",
                         printable(text.substr(0, text.find('\n')), 200), ")"));
    }
  }
};

namespace {

/// libtorch prints a stack trace for each attempt to connect. Errors reach the user as exceptions.
void silence_libtorch() {
  constexpr int kFatalOnly = 3;
  if (!std::getenv("TORCH_CPP_LOG_LEVEL")) FLAGS_caffe2_log_level = kFatalOnly;
}

}  // namespace

Store::Store(const Launch& launch, std::chrono::milliseconds timeout)
    : connection_(std::make_unique<Connection>()) {
  silence_libtorch();
  connection_->address = cat(printable(launch.host, 300), ":", launch.port);
  c10d::TCPStoreOptions options;
  options.port = launch.port;
  options.isServer = launch.rank == 0 && !launch.store_of_launcher;
  options.waitWorkers = false;
  options.timeout = timeout / 2;  // libtorch tries twice
  try {
    connection_->store = c10::make_intrusive<c10d::TCPStore>(launch.host, options);
  } catch (const std::exception& error) {
    std::string text = error.what();
    text = printable(text.substr(0, text.find('\n')), 300);
    if (text.find("EADDRINUSE") != std::string::npos) {
      throw RunError(cat("rank 0 can't serve the store on port ", launch.port,
                         ": another program uses it; set another MASTER_PORT"));
    }
    throw RunError(
        cat("rank ", launch.rank, " can't reach ",
            launch.store_of_launcher ? "the store of torchrun" : "the store of rank 0", " at ",
            connection_->address, " within ", std::chrono::duration<double>(timeout).count(),
            " s; check that rank 0 runs, MASTER_ADDR and MASTER_PORT, and that no firewall is between (",
            text, ")"));
  }
}

Store::Store(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}

Store::~Store() = default;

std::unique_ptr<Store> Store::again() const {
  auto connection = std::make_unique<Connection>();
  connection->address = connection_->address;
  connection->store = connection_->use([&] { return connection_->store->clone(); });
  std::unique_ptr<Store> out(new Store(std::move(connection)));
  out->prefix_ = prefix_;
  return out;
}

c10::intrusive_ptr<c10d::Store> Store::for_libtorch() const {
  return connection_->use(
      [&] { return c10::make_intrusive<c10d::PrefixStore>(prefix_, connection_->store->clone()); });
}

void Store::set(const std::string& key, const std::string& value) {
  connection_->use([&] { connection_->store->set(prefix_ + key, value); });
}

std::optional<std::string> Store::get(const std::string& key) {
  if (!has({key})) return std::nullopt;
  return connection_->use([&] { return connection_->store->get_to_str(prefix_ + key); });
}

bool Store::has(const std::vector<std::string>& keys) {
  std::vector<std::string> full;
  for (const std::string& key : keys) full.push_back(prefix_ + key);
  return connection_->use([&] { return connection_->store->check(full); });
}

int64_t Store::add(const std::string& key, int64_t number) {
  return connection_->use([&] { return connection_->store->add(prefix_ + key, number); });
}

bool Store::replace(const std::string& key, const std::optional<std::string>& expected,
                    const std::string& value) {
  return connection_->use(
      [&] { return connection_->store->compareSet(prefix_ + key, expected.value_or(""), value) == value; });
}

}  // namespace flam
