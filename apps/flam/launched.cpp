#include "apps/flam/launched.h"

#include <ATen/Parallel.h>

#include "framework/base/log.h"
#include "framework/base/log_name.h"
#include "framework/base/text.h"
#include "framework/device/local_device.h"

namespace flam::cli {

void require_one_process(const std::string& command) {
  const Launch launch = read_launch();
  if (launch.world_size == 1) return;
  throw Error(cat(
      "`flam ", command, "` runs in one process, and ", launch.launcher, " has started ", launch.world_size,
      "; each of them would do the whole work and write the same file; start it without ", launch.launcher));
}

void add_dist_timeout(CLI::App& command, double& seconds) {
  command
      .add_option("--dist-timeout", seconds,
                  "in several processes: seconds to wait for rank 0, and for a sign of life of the others")
      ->check(CLI::Range(0.5, 86400.0))
      ->capture_default_str();
}

std::unique_ptr<Group> join_group(double timeout_seconds) {
  const Launch launch = read_launch();
  if (launch.world_size == 1) return nullptr;
  if (launch.rank > 0) set_log_name(cat("rank ", launch.rank));
  return std::make_unique<Group>(launch,
                                 std::chrono::milliseconds(static_cast<int64_t>(1000 * timeout_seconds)));
}

void run_in_group(Group* group, const std::function<void()>& work) {
  if (!group) return work();
  if (group->is_first()) return group->run(work);
  const auto named = [&](const Error& error) { return cat("rank ", group->rank(), ": ", error.what()); };
  try {
    group->run(work);
  } catch (const RunError& error) {
    throw RunError(named(error));
  } catch (const Error& error) {
    throw Error(named(error));
  }
}

void share_machine(const Group& group, RunOptions& options) {
  const Launch& launch = group.launch();
  if (launch.local_world_size > 1) options.device = local_device(options.device, launch.local_rank);
  const std::string warning =
      threads_warning(launch, options.threads > 0 ? options.threads : at::get_num_threads());
  if (!warning.empty() && launch.local_rank == 0) log_warn(warning);
}

}  // namespace flam::cli
