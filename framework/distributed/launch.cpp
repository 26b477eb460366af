#include "framework/distributed/launch.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "framework/base/error.h"
#include "framework/base/text.h"

namespace flam {

namespace {

constexpr int64_t kMostProcesses = 1 << 20;

struct Names {
  const char *launcher, *rank, *size, *local_rank, *local_size;
};
constexpr Names kTorchrun = {"torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"};
// Programs of MPI may be started by way of Slurm, so Slurm comes last.
constexpr Names kMpi[] = {{"mpirun", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
                           "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"},
                          {"mpirun", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"}};
constexpr Names kSlurm = {"srun", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", ""};

class Reader {
 public:
  explicit Reader(const Environment& environment) : environment_(environment) {}

  std::string text(const char* name) const {
    const char* value = environment_(name);
    return value ? value : "";
  }
  /// A number in [low, high]; nullopt if the variable is not set or empty.
  std::optional<int64_t> number(const char* name, int64_t low, int64_t high) const {
    const std::string value = text(name);
    if (value.empty()) return std::nullopt;
    int64_t out = 0;
    const char* const end = value.data() + value.size();
    const auto parsed = std::from_chars(value.data(), end, out);
    if (parsed.ec != std::errc() || parsed.ptr != end || out < low || out > high) {
      throw Error(cat("the environment variable ", name, " is ", quoted(printable(value, 60)),
                      "; expected a number from ", low, " to ", high));
    }
    return out;
  }

 private:
  const Environment& environment_;
};

/// Batch scripts and interactive shells have variables of Slurm, too, but are single processes: their steps
/// have reserved numbers, or none.
bool in_slurm_step(const Reader& read) {
  constexpr int64_t kFirstReserved = 0xfffffff0;
  const auto step = read.number("SLURM_STEP_ID", 0, int64_t{1} << 32);
  return step && *step < kFirstReserved;
}

/// The number of tasks on one node, of a list like "2(x3),1".
std::optional<int64_t> tasks_on_node(std::string_view list, int64_t node) {
  while (!list.empty()) {
    const std::string_view item = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), item.size() + 1));
    int64_t tasks = 0, times = 1;
    const char* const end = item.data() + item.size();
    const auto parsed = std::from_chars(item.data(), end, tasks);
    if (parsed.ec != std::errc()) return std::nullopt;
    if (const size_t at = item.find("(x"); at != std::string_view::npos)
      std::from_chars(item.data() + at + 2, end, times);
    if (node < times) return tasks;
    node -= times;
  }
  return std::nullopt;
}

void read_places(const Reader& read, const Names& names, Launch& out) {
  const auto rank = read.number(names.rank, 0, kMostProcesses);
  const auto size = read.number(names.size, 1, kMostProcesses);
  if (!rank || !size) {
    throw Error(cat("the environment variable ", rank ? names.rank : names.size, " is set and ",
                    rank ? names.size : names.rank, " is not; processes of a group need both"));
  }
  if (*rank >= *size) {
    throw Error(cat("the environment variable ", names.rank, " is ", *rank, " and ", names.size, " is ",
                    *size, "; ranks count from 0"));
  }
  out.launcher = names.launcher;
  out.rank = *rank;
  out.world_size = *size;
  out.local_rank = read.number(names.local_rank, 0, kMostProcesses).value_or(0);
  if (*names.local_size) out.local_world_size = read.number(names.local_size, 1, kMostProcesses).value_or(1);
}

void read_slurm_defaults(const Reader& read, Launch& out) {
  const int64_t node = read.number("SLURM_NODEID", 0, kMostProcesses).value_or(0);
  out.local_world_size = tasks_on_node(read.text("SLURM_STEP_TASKS_PER_NODE"), node).value_or(1);
  std::string hosts = read.text("SLURM_STEP_NODELIST");
  if (hosts.empty()) hosts = read.text("SLURM_JOB_NODELIST");
  out.host = first_host(hosts);
  constexpr int64_t kFirstPort = 15000, kPorts = 10000;
  const int64_t job = read.number("SLURM_JOB_ID", 0, int64_t{1} << 40).value_or(0);
  const int64_t step = read.number("SLURM_STEP_ID", 0, int64_t{1} << 32).value_or(0);
  out.port = static_cast<uint16_t>(kFirstPort + (job + step) % kPorts);
}

void read_address(const Reader& read, Launch& out) {
  if (const std::string host = read.text("MASTER_ADDR"); !host.empty()) out.host = host;
  if (const auto port = read.number("MASTER_PORT", 1, 65535)) out.port = static_cast<uint16_t>(*port);
  if (out.world_size == 1 || (!out.host.empty() && out.port != 0)) return;
  throw Error(
      cat("the environment variable ", out.host.empty() ? "MASTER_ADDR" : "MASTER_PORT",
          " is not set, so that process ", out.rank, " of ", out.world_size,
          " can't find the others; set MASTER_ADDR to the machine of rank 0 and MASTER_PORT to a port "
          "that is free there, for all processes (mpirun -x MASTER_ADDR=HOST -x MASTER_PORT=29500)"));
}

}  // namespace

std::string first_host(const std::string& list) {
  const size_t bracket = list.find('['), comma = list.find(',');
  if (bracket == std::string::npos || comma < bracket) return list.substr(0, comma);
  const size_t number_end = list.find_first_of("-,]", bracket), close = list.find(']', bracket);
  if (close == std::string::npos) return "";
  const size_t end = std::min(list.find(',', close), list.size());
  return list.substr(0, bracket) + list.substr(bracket + 1, number_end - bracket - 1) +
         first_host(list.substr(close + 1, end - close - 1));
}

Launch read_launch(const Environment& environment) {
  const Reader read(environment);
  Launch out;
  const auto has = [&](const char* name) { return !read.text(name).empty(); };
  if (has(kTorchrun.rank) || has(kTorchrun.size)) {
    read_places(read, kTorchrun, out);
    const std::string agent = read.text("TORCHELASTIC_USE_AGENT_STORE");
    out.store_of_launcher = agent == "True" || agent == "1";
    out.restarts = read.number("TORCHELASTIC_RESTART_COUNT", 0, kMostProcesses).value_or(0);
    read_address(read, out);
    return out;
  }
  for (const Names& names : kMpi) {
    if (!has(names.rank) || !has(names.size)) continue;
    read_places(read, names, out);
    read_address(read, out);
    return out;
  }
  if (!has(kSlurm.rank) || !has(kSlurm.size) || !in_slurm_step(read)) return out;
  read_places(read, kSlurm, out);
  read_slurm_defaults(read, out);
  read_address(read, out);
  return out;
}

Launch read_launch() {
  return read_launch([](const char* name) { return std::getenv(name); });
}

std::string threads_warning(const Launch& launch, int threads, int cores, int all_cores) {
  // A process that is bound to cores has them for itself.
  const int64_t sharing = cores < all_cores ? 1 : launch.local_world_size;
  if (launch.world_size == 1 || sharing * threads <= cores) return "";
  const std::string have =
      cat(", and there ", cores == 1 ? "is 1 core" : cat("are ", cores, " cores"), " for ");
  const std::string advice = cores < sharing ? cat("; start at most ", cores, " of them here")
                                             : cat("; set --threads ", cores / sharing);
  if (sharing == 1) return cat("this process computes with ", counted(threads, "thread"), have, "it", advice);
  return cat(sharing, " processes on this machine compute with ", counted(threads, "thread"), " each", have,
             "them", advice);
}

std::string threads_warning(const Launch& launch, int threads) {
  const auto all_cores = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  cpu_set_t own;
  CPU_ZERO(&own);
  const int cores = ::sched_getaffinity(0, sizeof own, &own) == 0 ? CPU_COUNT(&own) : all_cores;
  return threads_warning(launch, threads, cores, all_cores);
}

}  // namespace flam
