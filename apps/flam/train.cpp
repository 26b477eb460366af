#include "framework/train/train.h"

#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "apps/flam/launched.h"
#include "apps/flam/progress.h"
#include "framework/base/text.h"

namespace flam::cli {

void add_train(CLI::App& app, int& status) {
  struct Options {
    std::string config;
    RunOptions session;
    bool overwrite = false;
    double dist_timeout = 120;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "train", "run one stage of training, continuing from its checkpoint if there is one");
  command->footer(
      "Examples:\n  flam train flamingo_mini_caption --set 'train={objectives: [answers], trained: "
      "{\"adapter.*\": "
      "0.001}, output: mine.safetensors, steps: 100}'\n"
      "  torchrun --nproc-per-node 4 --no-python flam train my_config.yaml --threads 2");
  command->add_option("CONFIG", options->config, "model name or config file with a `train` map")->required();
  add_set(*command, options->session.overrides);
  add_device(*command, options->session);
  command->add_flag("--overwrite", options->overwrite, "replace train.output if it exists");
  command->add_option("--threads", options->session.threads, "number of CPU threads; 0: one per core")
      ->check(CLI::Range(0, 256));
  add_plugin_path(*command, options->session.plugin_path);
  add_dist_timeout(*command, options->dist_timeout);
  command->callback([options, &status] {
    const std::unique_ptr<Group> group = join_group(options->dist_timeout);
    RunOptions session = options->session;
    if (group) share_machine(*group, session);
    Progress progress("train");
    TrainHooks hooks;
    hooks.progress = [&](int64_t step, int64_t steps) { progress.update(step, steps); };
    hooks.log = [](const TrainProgress& report) {
      std::string losses;
      for (const auto& [name, value] : report.losses) losses += cat("  ", name, " ", value);
      (void)std::fprintf(stderr, "%s%8.1f s  step %lld/%lld  loss%s  gradient %.3f  rate ×%.3f\n",
                         isatty(STDERR_FILENO) == 1 ? "\r\033[K" : "", report.seconds,
                         static_cast<long long>(report.step), static_cast<long long>(report.steps),
                         losses.c_str(), report.gradient_norm, report.scale);
    };
    hooks.sample = [](const std::string& sample) {
      std::cerr << "          " << printable(sample, 500) << "\n";
    };
    hooks.validated = [](int64_t step, const auto& losses, bool best) {
      std::string all;
      for (const auto& [name, value] : losses) all += cat("  ", name, " ", value);
      std::cerr << "          validation after step " << step << ":" << all << (best ? "  (best so far)" : "")
                << "\n";
    };
    hooks.cancelled = interrupted;
    bool finished = false;
    run_in_group(group.get(),
                 [&] { finished = train(options->config, session, hooks, options->overwrite, group.get()); });
    if (!finished && (!group || group->is_first()))
      std::cerr << "interrupted; a checkpoint was written, and the same command continues from it\n";
    // Another process of the group may be the one that was interrupted.
    constexpr int kInterrupted = 130;
    status = finished ? 0 : interrupted() ? interrupted_status() : kInterrupted;
  });
}

}  // namespace flam::cli
