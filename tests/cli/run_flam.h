#pragma once
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/support/scratch.h"

namespace flam::test {

struct Ran {
  int status = -1;
  std::string out, err;
};

/// Runs the shell line `flam ARGUMENTS` as a user would; the caller must quote the arguments.
inline Ran run_flam(const std::string& arguments, const std::string& before = "") {
  const Scratch scratch;
  const std::filesystem::path err = scratch.path() / "err";
  const std::string command = before + FLAM_BUILD_DIR + "/bin/flam " + arguments + " 2>" + err.string();
  Ran ran;
  FILE* pipe = popen(command.c_str(), "r");
  std::array<char, 4096> buffer{};
  for (size_t got; (got = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    ran.out.append(buffer.data(), got);
  const int closed = pclose(pipe);
  ran.status = WIFEXITED(closed) ? WEXITSTATUS(closed) : 128 + WTERMSIG(closed);
  std::ostringstream text;
  text << std::ifstream(err).rdbuf();
  ran.err = text.str();
  return ran;
}

}  // namespace flam::test
