// verify_goldens DIR: the prompt cases of a folder laid out like tests/golden/v1_tiny, a line each.
#include <iostream>

#include "framework/base/text.h"
#include "framework/run/verify.h"
#include "tests/integration/golden_config.h"
#include "tests/support/scratch.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: verify_goldens DIR (laid out like tests/golden/v1_tiny)\n";
    return 2;
  }
  int passed = 0, failed = 0;
  try {
    const std::filesystem::path folder = std::filesystem::absolute(argv[1]);
    const flam::test::Scratch scratch;
    const auto names = flam::test::prompt_cases(folder);
    if (names.empty()) throw flam::Error(flam::cat("no prompt cases in ", flam::quoted(folder.string())));
    for (const std::string& name : names) {
      std::string problem;
      try {
        const auto session =
            flam::Session::open(flam::test::write_golden_config(scratch.path(), folder, name).string());
        const flam::VerifyReport report = flam::verify(*session, folder / name);
        if (!report.passed()) problem = "departs at " + report.first_departure();
      } catch (const std::exception& error) {
        problem = error.what();
      }
      std::cout << name << ": " << (problem.empty() ? "passed" : problem) << std::endl;
      ++(problem.empty() ? passed : failed);
    }
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 2;
  }
  std::cout << passed << " passed, " << failed << " failed" << std::endl;
  return failed == 0 && passed > 0 ? 0 : 1;
}
