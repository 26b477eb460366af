// verify_goldens DIR [--device D] [--dtype T] [--cuda-graph]: the cases of a folder of references, a line
// each. DIR is laid out like tests/golden/v1_tiny, or has Hugging Face model folders in it, like
// tests/golden/llava_tiny.
#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "framework/base/text.h"
#include "framework/commands/verify/verify.h"
#include "tests/integration/golden_config.h"
#include "tests/integration/golden_folder.h"
#include "tests/support/scratch.h"

namespace {

using flam::test::Scratch;

/// What is wrong with a case; "" if nothing. `furthest`: the largest error beside its tolerance so far.
std::string problem_of(const std::filesystem::path& config, const std::filesystem::path& reference,
                       const flam::RunOptions& options, double& furthest) {
  try {
    const auto session = flam::Session::open(config.string(), options);
    const flam::VerifyReport report = flam::verify(*session, reference);
    std::string problems;
    for (const flam::StageCheck& stage : report.stages) {
      if (stage.tolerance > 0) furthest = std::max(furthest, stage.largest_error / stage.tolerance);
      if (!stage.passed && problems.empty())
        problems = flam::cat("departs at ", stage.stage, " ", stage.shape, ", largest error ",
                             stage.largest_error, " ", stage.note);
    }
    return report.passed() ? "" : problems;
  } catch (const std::exception& error) {
    return error.what();
  }
}

/// The options of a case, which a reference's processor was called with, as settings of the config.
flam::RunOptions with_settings_of(const std::filesystem::path& reference, flam::RunOptions options) {
  std::ifstream file(std::filesystem::path(reference).replace_extension(".json"));
  const auto json = nlohmann::json::parse(file);
  if (const auto settings = json.find("options"); settings != json.end()) {
    if (const auto split = settings->find("do_image_splitting"); split != settings->end())
      options.overrides.push_back("model.media_layout.do_image_splitting=" + split->dump());
  }
  return options;
}

/// Verifies every case of a folder.
void verify_folder(const std::filesystem::path& folder, const flam::RunOptions& options, double& furthest,
                   const flam::test::CaseSink& sink) {
  const auto models = flam::test::model_folders(folder);
  for (const auto& model : models) {
    for (const std::string& name : flam::test::cases_of_model(folder, model))
      sink(name, problem_of(model, folder / name, with_settings_of(folder / name, options), furthest));
    flam::test::check_crops(folder, model, sink);
  }
  if (!models.empty()) return flam::test::check_chat_texts(folder, sink);
  const Scratch scratch;
  for (const std::string& name : flam::test::prompt_cases(folder)) {
    const auto config = flam::test::write_golden_config(scratch.path(), folder, name);
    sink(name, problem_of(config, folder / name, options, furthest));
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The cases of a folder of references, verified", "verify_goldens");
  std::string folder_name;
  flam::RunOptions options;
  options.dtype = "float32";  // of the references
  app.add_option("DIR", folder_name, "laid out like tests/golden/v1_tiny or llava_tiny")->required();
  app.add_option("--device", options.device, "auto, cpu, cuda or cuda:N");
  app.add_option("--dtype", options.dtype, "float32, bfloat16 or float16");
  app.add_flag_callback(
      "--cuda-graph", [&] { options.cuda_graph = flam::CudaGraph::on; },
      "repeat decode steps as CUDA graphs");
  CLI11_PARSE(app, argc, argv);
  int passed = 0, failed = 0;
  double furthest = 0;
  try {
    const std::filesystem::path folder = std::filesystem::absolute(folder_name);
    verify_folder(folder, options, furthest, [&](const std::string& name, const std::string& problem) {
      std::cout << name << ": " << (problem.empty() ? "passed" : problem) << std::endl;
      ++(problem.empty() ? passed : failed);
    });
    if (passed + failed == 0) throw flam::Error(flam::cat("no cases in ", flam::quoted(folder.string())));
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 2;
  }
  std::cout << "largest error " << static_cast<int>(furthest * 100) << " % of what is allowed\n"
            << passed << " passed, " << failed << " failed" << std::endl;
  return failed == 0 ? 0 : 1;
}
