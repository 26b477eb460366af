#pragma once
// What a launcher (torchrun, mpirun, Slurm's srun) tells each of the processes that it starts.

#include <cstdint>
#include <functional>
#include <string>

#include "framework/base/export.h"

namespace flam {

struct Launch {
  std::string launcher;  // how it is called in messages; "" without one
  int64_t rank = 0, world_size = 1;
  int64_t local_rank = 0, local_world_size = 1;  // among the processes of this machine
  std::string host;                              // where the store is; "" for a single process
  uint16_t port = 0;
  bool store_of_launcher = false;  // the launcher hosts the store, otherwise rank 0 does
  int64_t restarts = 0;            // how often the launcher has started all processes again
};

using Environment = std::function<const char*(const char* name)>;

/// Reads the first of these that the environment has:
///
///   torchrun          RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE
///   Open MPI          OMPI_COMM_WORLD_RANK, _SIZE, _LOCAL_RANK, _LOCAL_SIZE
///   MPICH, Intel MPI  PMI_RANK, PMI_SIZE, MPI_LOCALRANKID, MPI_LOCALNRANKS
///   srun              SLURM_PROCID, SLURM_NTASKS, SLURM_LOCALID, SLURM_STEP_TASKS_PER_NODE, in a job step
///
/// MASTER_ADDR and MASTER_PORT say where the store is. For srun, they default to the first host of the step
/// and to a port that is made from the numbers of the job and the step. Error: a value is not a number or
/// contradicts another one, or more than one process has no address.
FLAM_API Launch read_launch(const Environment& environment);
FLAM_API Launch read_launch();  // of this process

/// The first host of a list as Slurm writes it: "node[03-07,9],login1" gives "node03".
FLAM_API std::string first_host(const std::string& list);

/// A warning if the processes of this machine compute with more threads than it has cores; "" otherwise.
/// `cores` are those that this process may use, of `all_cores`.
FLAM_API std::string threads_warning(const Launch& launch, int threads, int cores, int all_cores);
FLAM_API std::string threads_warning(const Launch& launch, int threads);  // of this machine

}  // namespace flam
