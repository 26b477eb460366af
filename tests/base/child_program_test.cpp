#include "framework/base/child_program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "framework/base/error.h"

namespace flam {
namespace {

using How = ProgramEnd::How;

ChildProgram shell(const std::string& script) {
  return {{"/bin/sh", "-c", script}, {"PATH=/usr/bin:/bin"}};
}

/// Runs a script and collects its standard output.
ProgramEnd run(const ChildProgram& program, std::string& output) {
  return run_program(program, [&](std::string_view piece) {
    output += piece;
    return true;
  });
}

TEST(ChildProgram, GivesOutputErrorsAndStatus) {
  std::string output;
  const ProgramEnd end = run(shell("echo out; echo err >&2; exit 3"), output);
  EXPECT_EQ(end.how, How::exited);
  EXPECT_EQ(end.status, 3);
  EXPECT_EQ(output, "out\n");
  EXPECT_EQ(end.error, "err\n");
}

TEST(ChildProgram, GetsOnlyTheEnvironmentAndDescriptorsThatAreNamed) {
  setenv("FLAM_TEST_SECRET", "secret", 1);
  ChildProgram program = shell("echo \"[$FLAM_TEST_SECRET]\"; cat <&3; ls /proc/self/fd | wc -l");
  const int file = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);
  const int leaked = open("/dev/null", O_RDONLY);  // not marked as to be closed
  program.input = file;
  std::string output;
  EXPECT_EQ(run(program, output).status, 0);
  close(file);
  close(leaked);
  EXPECT_TRUE(output.starts_with("[]\n")) << output;
  EXPECT_TRUE(output.ends_with("\n5\n")) << output;  // 0 to 3, and the folder that ls reads
}

TEST(ChildProgram, IsKilledWhenItHangs) {
  ChildProgram program = shell("echo begun; exec sleep 1000");
  program.seconds = 0.2;
  std::string output;
  EXPECT_EQ(run(program, output).how, How::timed_out);
  EXPECT_EQ(output, "begun\n");
  program = shell("exec >&- 2>&-; exec sleep 1000");  // also after it has closed its outputs
  program.seconds = 0.2;
  EXPECT_EQ(run(program, output).how, How::timed_out);
}

TEST(ChildProgram, IsKilledWhenItsOutputIsRefused) {
  size_t bytes = 0;
  const ProgramEnd end =
      run_program(shell("while :; do echo yyyyyyyyyyyyyyyyyyyyyyyy; done"),
                  [&](std::string_view piece) { return (bytes += piece.size()) < 100'000; });
  EXPECT_EQ(end.how, How::stopped);
}

TEST(ChildProgram, TellsTheSignalOfACrash) {
  std::string output;
  const ProgramEnd end = run(shell("kill -SEGV $$"), output);
  EXPECT_EQ(end.how, How::killed);
  EXPECT_EQ(end.status, SIGSEGV);
}

TEST(ChildProgram, IsLimitedInMemoryAndWritesNoFiles) {
  ChildProgram program = shell("python3 -c 'x = bytearray(2 << 30)' || exit 7");
  program.memory_bytes = 256 << 20;
  std::string output;
  EXPECT_EQ(run(program, output).status, 7);
  const std::string file = testing::TempDir() + "child_program_test";
  EXPECT_NE(run(shell("echo text > " + file), output).status, 0);
  EXPECT_EQ(std::filesystem::file_size(file), 0u);
  std::filesystem::remove(file);
}

TEST(ChildProgram, KeepsTheBeginningOfALongError) {
  std::string output;
  const ProgramEnd end =
      run(shell("i=0; while [ $i -lt 2000 ]; do echo 0123456789 >&2; i=$((i+1)); done"), output);
  EXPECT_EQ(end.how, How::exited);
  EXPECT_EQ(end.error.size(), 4096u);
}

TEST(ChildProgram, MustExist) {
  EXPECT_THROW(run_program({{"/no/such/program"}, {}}, [](std::string_view) { return true; }), RunError);
}

}  // namespace
}  // namespace flam
