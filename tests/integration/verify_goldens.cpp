// verify_goldens DIR [--device D] [--dtype T] [--cuda-graph]: the prompt cases of a folder laid out like
// tests/golden/v1_tiny, a line each.
#include <CLI/CLI.hpp>
#include <iostream>

#include "framework/base/text.h"
#include "framework/commands/verify/verify.h"
#include "tests/integration/golden_config.h"
#include "tests/support/scratch.h"

namespace {

/// What is wrong with a case; "" if nothing. `furthest`: the largest error beside its tolerance so far.
std::string problem_of(const std::filesystem::path& config, const std::filesystem::path& reference,
                       const flam::RunOptions& options, double& furthest) {
  try {
    const auto session = flam::Session::open(config.string(), options);
    const flam::VerifyReport report = flam::verify(*session, reference);
    for (const flam::StageCheck& stage : report.stages) {
      if (stage.tolerance > 0) furthest = std::max(furthest, stage.largest_error / stage.tolerance);
    }
    return report.passed() ? "" : "departs at " + report.first_departure();
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The prompt cases of a folder of references, verified", "verify_goldens");
  std::string folder_name;
  flam::RunOptions options;
  app.add_option("DIR", folder_name, "laid out like tests/golden/v1_tiny")->required();
  app.add_option("--device", options.device, "auto, cpu, cuda or cuda:N");
  app.add_option("--dtype", options.dtype, "float32, bfloat16 or float16");
  app.add_flag("--cuda-graph", options.cuda_graph, "repeat decode steps as CUDA graphs");
  CLI11_PARSE(app, argc, argv);
  int passed = 0, failed = 0;
  double furthest = 0;
  try {
    const std::filesystem::path folder = std::filesystem::absolute(folder_name);
    const flam::test::Scratch scratch;
    const auto names = flam::test::prompt_cases(folder);
    if (names.empty()) throw flam::Error(flam::cat("no prompt cases in ", flam::quoted(folder.string())));
    for (const std::string& name : names) {
      const auto config = flam::test::write_golden_config(scratch.path(), folder, name);
      const std::string problem = problem_of(config, folder / name, options, furthest);
      std::cout << name << ": " << (problem.empty() ? "passed" : problem) << std::endl;
      ++(problem.empty() ? passed : failed);
    }
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 2;
  }
  std::cout << passed << " passed, " << failed << " failed, largest error "
            << static_cast<int>(furthest * 100) << " % of what is allowed" << std::endl;
  return failed == 0 && passed > 0 ? 0 : 1;
}
