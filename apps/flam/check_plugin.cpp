#include "framework/commands/authoring/check_plugin.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "framework/base/text.h"
#include "framework/report/json.h"

namespace flam::cli {

namespace {

const char* word_of(PluginCheck::Outcome outcome) {
  switch (outcome) {
    case PluginCheck::Outcome::ok:
      return "ok";
    case PluginCheck::Outcome::failed:
      return "failed";
    case PluginCheck::Outcome::skipped:
      return "skipped";
  }
  return "";
}

int check(const std::string& library, const CheckOptions& options, bool json) {
  int64_t counts[3] = {};
  std::string reason;  // of the last failure
  check_plugin(library, options, [&](const PluginCheck& found) {
    ++counts[static_cast<int>(found.outcome)];
    const char* word = word_of(found.outcome);
    if (json) {
      std::cout << json_line({{"component", found.component},
                              {"check", found.name},
                              {"outcome", word},
                              {"detail", found.detail}})
                << std::endl;
    } else {
      const std::string what = (found.component.empty() ? "" : found.component + " ") + found.name;
      const bool failed = found.outcome == PluginCheck::Outcome::failed,
                 repeats = failed && found.detail == reason;
      if (failed) reason = found.detail;
      std::cout << word << std::string(9 - std::string(word).size(), ' ') << what << ": "
                << (repeats ? "for the same reason" : found.detail) << std::endl;
    }
  });
  if (!json) {
    std::cout << cat(counts[0] + counts[1] + counts[2], " checks: ", counts[0], " ok, ", counts[1],
                     " failed, ", counts[2], " skipped\n");
  }
  return counts[1] == 0 ? 0 : 1;
}

}  // namespace

void add_check_plugin(CLI::App& app, int& status) {
  struct Options {
    std::string library;
    CheckOptions check;
    int64_t max_memory = 1024, timeout = 60;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "check-plugin", "check that a plugin library keeps its contract: shapes, gradients, threads, …");
  command->footer("Example: flam check-plugin build/libflam_resampler_x.so --config config.yaml");
  command->add_option("LIBRARY", options->library, "plugin library to check")->required()->check(not_empty());
  command
      ->add_option("--config", options->check.config,
                   "run config from which the plugin's components take their parameters")
      ->type_name("CONFIG");
  add_set(*command, options->check.overrides,
          "set a value of the config, e.g. model.resampler.num_latents=4 (repeatable)");
  add_plugin_path(*command, options->check.plugin_path);
  CLI::Option* const weights =
      command
          ->add_option(
              "--weights", options->check.weights,
              "checkpoint (a file or a folder) whose weights the component runs with, instead of random ones")
          ->type_name("FILE")
          ->check(not_empty());
  command->add_option("--naming", options->check.naming, "naming table for the checkpoint's keys")
      ->type_name("NAME")
      ->needs(weights);
  command->add_option("--prefix", options->check.prefix, "what is before these keys")
      ->type_name("PREFIX")
      ->needs(weights);
  command
      ->add_option("--ignore", options->check.ignore,
                   "keys that are not used, e.g. 'text_model.*' (repeatable)")
      ->type_name("PATTERN ...")
      ->needs(weights)
      ->allow_extra_args(false);
  command
      ->add_option("--max-memory", options->max_memory,
                   "MiB of float32 weights; a component with more is built but not run")
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  command->add_option("--timeout", options->timeout, "seconds that one check may take")
      ->check(CLI::Range(1, 86400))
      ->capture_default_str();
  command->add_flag("--json", options->json, "print JSON, one object per line");
  command->callback([options, &status] {
    options->check.max_bytes = options->max_memory << 20;
    options->check.timeout = std::chrono::seconds(options->timeout);
    status = check(options->library, options->check, options->json);
  });
}

}  // namespace flam::cli
