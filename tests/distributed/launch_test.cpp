#include "framework/distributed/launch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using testing::AllOf;
using testing::HasSubstr;
using Variables = std::map<std::string, std::string>;

Launch launch(const Variables& variables) {
  return read_launch([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

Variables with(Variables variables, const Variables& more) {
  for (const auto& [name, value] : more) variables[name] = value;
  return variables;
}

const Variables kTorchrun = {{"RANK", "2"},
                             {"WORLD_SIZE", "4"},
                             {"LOCAL_RANK", "0"},
                             {"LOCAL_WORLD_SIZE", "2"},
                             {"MASTER_ADDR", "node1"},
                             {"MASTER_PORT", "29500"}};
const Variables kSlurm = {{"SLURM_PROCID", "5"},
                          {"SLURM_NTASKS", "6"},
                          {"SLURM_LOCALID", "1"},
                          {"SLURM_NODEID", "2"},
                          {"SLURM_STEP_ID", "3"},
                          {"SLURM_JOB_ID", "712345"},
                          {"SLURM_STEP_TASKS_PER_NODE", "1(x2),4"},
                          {"SLURM_STEP_NODELIST", "gpu[08-09,11]"}};

TEST(Launch, WithoutALauncherThereIsOneProcess) {
  const Launch alone = launch({});
  EXPECT_EQ(alone.world_size, 1);
  EXPECT_EQ(alone.rank, 0);
  EXPECT_EQ(launch({{"RANK", "0"}, {"WORLD_SIZE", "1"}}).world_size, 1);  // needs no address
}

TEST(Launch, Torchrun) {
  const Launch found = launch(kTorchrun);
  EXPECT_EQ(found.launcher, "torchrun");
  EXPECT_EQ(found.rank, 2);
  EXPECT_EQ(found.world_size, 4);
  EXPECT_EQ(found.local_world_size, 2);
  EXPECT_EQ(found.host, "node1");
  EXPECT_EQ(found.port, 29500);
  EXPECT_FALSE(found.store_of_launcher);
  const Launch again = launch(
      with(kTorchrun, {{"TORCHELASTIC_USE_AGENT_STORE", "True"}, {"TORCHELASTIC_RESTART_COUNT", "2"}}));
  EXPECT_TRUE(again.store_of_launcher);
  EXPECT_EQ(again.restarts, 2);
}

TEST(Launch, MpiNeedsAnAddress) {
  const Variables open_mpi = {{"OMPI_COMM_WORLD_RANK", "1"},
                              {"OMPI_COMM_WORLD_SIZE", "3"},
                              {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                              {"OMPI_COMM_WORLD_LOCAL_SIZE", "3"}};
  EXPECT_THAT(
      error_of([&] { launch(open_mpi); }),
      AllOf(HasSubstr("MASTER_ADDR is not set"), HasSubstr("process 1 of 3"), HasSubstr("mpirun -x")));
  const Variables address = {{"MASTER_ADDR", "127.0.0.1"}, {"MASTER_PORT", "4000"}};
  // A program of MPI may run as a task of Slurm.
  const Launch found = launch(with(with(kSlurm, open_mpi), address));
  EXPECT_EQ(found.rank, 1);
  EXPECT_EQ(found.local_world_size, 3);
  EXPECT_EQ(found.port, 4000);
  const Launch mpich =
      launch(with({{"PMI_RANK", "0"}, {"PMI_SIZE", "2"}, {"MPI_LOCALNRANKS", "2"}}, address));
  EXPECT_EQ(mpich.world_size, 2);
  EXPECT_EQ(mpich.local_world_size, 2);
}

TEST(Launch, SlurmHasAnAddressOfItsOwn) {
  const Launch found = launch(kSlurm);
  EXPECT_EQ(found.launcher, "srun");
  EXPECT_EQ(found.rank, 5);
  EXPECT_EQ(found.world_size, 6);
  EXPECT_EQ(found.local_rank, 1);
  EXPECT_EQ(found.local_world_size, 4);
  EXPECT_EQ(found.host, "gpu08");
  EXPECT_EQ(found.port, 15000 + 2348);
  EXPECT_EQ(launch(with(kSlurm, {{"MASTER_ADDR", "head"}, {"MASTER_PORT", "99"}})).host, "head");
}

TEST(Launch, ABatchScriptOfSlurmIsOneProcess) {
  Variables script = kSlurm;
  script["SLURM_STEP_ID"] = "4294967291";
  EXPECT_EQ(launch(script).world_size, 1);
  script.erase("SLURM_STEP_ID");
  EXPECT_EQ(launch(script).world_size, 1);
}

TEST(Launch, FirstHostOfAList) {
  EXPECT_EQ(first_host("node7"), "node7");
  EXPECT_EQ(first_host("a,b[1-2]"), "a");
  EXPECT_EQ(first_host("b[001-002],a"), "b001");
  EXPECT_EQ(first_host("rack[3,5]-node[10-11]-x,z"), "rack3-node10-x");
  EXPECT_EQ(first_host(""), "");
  EXPECT_EQ(first_host("b[1"), "");
}

TEST(Launch, ContradictionsAreErrors) {
  const auto problem = [](const Variables& variables) {
    return error_of([&] { launch(with(kTorchrun, variables)); });
  };
  EXPECT_THAT(problem({{"RANK", "4"}}), HasSubstr("RANK is 4 and WORLD_SIZE is 4; ranks count from 0"));
  EXPECT_THAT(problem({{"RANK", "two"}}), HasSubstr("RANK is 'two'; expected a number"));
  EXPECT_THAT(problem({{"RANK", "1x"}}), HasSubstr("RANK is '1x'; expected a number"));
  EXPECT_THAT(problem({{"RANK", "-1"}}), HasSubstr("expected a number from 0"));
  EXPECT_THAT(problem({{"WORLD_SIZE", "0"}}), HasSubstr("WORLD_SIZE is '0'; expected a number from 1"));
  EXPECT_THAT(problem({{"WORLD_SIZE", ""}}), HasSubstr("RANK is set and WORLD_SIZE is not"));
  EXPECT_THAT(problem({{"MASTER_PORT", ""}}), HasSubstr("MASTER_PORT is not set"));
  EXPECT_THAT(problem({{"MASTER_PORT", "70000"}}), HasSubstr("MASTER_PORT is '70000'"));
  EXPECT_THAT(problem({{"MASTER_ADDR", ""}}), HasSubstr("MASTER_ADDR is not set"));
}

TEST(Launch, WarnsOfTooManyThreads) {
  const Launch two = launch(kTorchrun);
  EXPECT_EQ(threads_warning(two, 4, 8, 8), "");
  EXPECT_THAT(
      threads_warning(two, 8, 8, 8),
      AllOf(HasSubstr("2 processes on this machine compute with 8 threads each"), HasSubstr("--threads 4")));
  EXPECT_THAT(threads_warning(two, 1, 1, 1),
              HasSubstr("1 thread each, and there is 1 core for them; start at most 1 of them here"));
  EXPECT_EQ(threads_warning(two, 4, 4, 8), "");  // bound to cores of its own
  EXPECT_THAT(threads_warning(two, 8, 4, 8), HasSubstr("--threads 4"));
  EXPECT_EQ(threads_warning(Launch(), 100, 8, 8), "");
}

}  // namespace
}  // namespace flam
