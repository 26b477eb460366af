#pragma once
// Commands that a launcher (torchrun, mpirun, srun) started in several processes.

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "framework/distributed/group.h"
#include "framework/recipe/run_options.h"

namespace flam::cli {

/// Error: a launcher has started several processes, and each would do all of the command's work.
void require_one_process(const std::string& command);

/// --dist-timeout
void add_dist_timeout(CLI::App& command, double& seconds);

/// Joins the processes of the launcher; null if this is the only one. Messages of the ranks above 0 begin
/// with their rank.
std::unique_ptr<Group> join_group(double timeout_seconds);

/// Runs work as one of the group, if there is one. Errors of the ranks above 0 begin with their rank.
void run_in_group(Group* group, const std::function<void()>& work);

/// Gives each process of a machine its own CUDA device, and warns of too many threads.
void share_machine(const Group& group, RunOptions& options);

}  // namespace flam::cli
