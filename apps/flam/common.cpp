#include "apps/flam/common.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <limits>

#include "apps/flam/progress.h"

namespace flam::cli {

namespace {
volatile std::sig_atomic_t caught_signal = 0, listening = 0;

void on_signal(int number) {
  if (listening == 0 || caught_signal != 0) _exit(128 + number);
  caught_signal = number;
}
}  // namespace

void watch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;  // without SA_RESTART, so that blocking reads end too
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

void prepare_process() {
  // A closed standard output is opened for reading only, so that writing to it is an error.
  for (const auto& [number, mode] : {std::pair(STDIN_FILENO, O_RDONLY), std::pair(STDOUT_FILENO, O_RDONLY),
                                     std::pair(STDERR_FILENO, O_WRONLY)}) {
    if (fcntl(number, F_GETFD) < 0) static_cast<void>(open("/dev/null", mode));
  }
  static_cast<void>(std::signal(SIGXFSZ, SIG_IGN));
}

bool interrupted() {
  listening = 1;
  return caught_signal != 0;
}
int interrupted_status() {
  return 128 + caught_signal;
}

std::shared_ptr<Session> open_session(const std::string& config, RunOptions options) {
  Progress progress("load");
  options.loading = [&](int64_t done, int64_t total) { progress.update(done, total); };
  return Session::open(config, options);
}

bool forget_ctrl_c() {
  if (caught_signal != SIGINT) return false;
  caught_signal = 0;
  return true;
}

CLI::Validator not_empty() {
  return CLI::Validator([](std::string& text) { return text.empty() ? "is empty" : ""; }, "");
}

void add_set(CLI::App& command, std::vector<std::string>& overrides, const char* description) {
  command.add_option("--set", overrides, description)->allow_extra_args(false)->type_name("KEY=VALUE");
}

void add_weights(CLI::App& command, RunOptions& options) {
  command
      .add_option("--weights", options.weights,
                  "weights file to use instead of the config's list, or `random`")
      ->type_name("FILE|random")
      ->check(not_empty());
}

CLI::Option* add_quantize(CLI::App& command, std::string& type) {
  const auto check = [](const std::string& text) -> std::string {
    try {
      static_cast<void>(QuantizeConfig::of(text));
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  return command
      .add_option(
          "--quantize", type,
          "store the matrices of the decoder and the adapter in fewer bits: int8, int4 (groups of 32), "
          "int4:64, int4:128, int4:256; none: as without the config's weights.quantize")
      ->type_name("TYPE")
      ->check(CLI::Validator(check, ""));
}

void add_plugin_path(CLI::App& command, std::vector<std::filesystem::path>& plugin_path) {
  command
      .add_option("--plugin-path", plugin_path,
                  "folder of plugin libraries, searched before all others (repeatable)")
      ->allow_extra_args(false)
      ->type_name("DIR");
}

void add_device(CLI::App& command, RunOptions& options) {
  command.add_option("--device", options.device, "auto, cpu, cuda or cuda:N")
      ->check(not_empty())
      ->capture_default_str();
}

void add_session_options(CLI::App& command, RunOptions& options) {
  add_set(command, options.overrides,
          "set a value of the config, e.g. model.resampler.num_latents=32 (repeatable)");
  command
      .add_option_function<int64_t>(
          "--max-tiles",
          [&options](int64_t most) {
            options.overrides.push_back("model.media_layout.max_tiles=" + std::to_string(most));
          },
          "most tiles that a picture is cut into, for layouts that cut; sets model.media_layout.max_tiles")
      ->check(CLI::Range(0, 1'000'000));
  add_plugin_path(command, options.plugin_path);
  add_weights(command, options);
  add_device(command, options);
  command.add_option("--dtype", options.dtype, "auto (the config's), float32, bfloat16 or float16")
      ->check(not_empty())
      ->capture_default_str();
  add_quantize(command, options.quantize);
  const auto graphs = std::make_shared<std::string>();
  command
      .add_flag(
          "--cuda-graph{on}", *graphs,
          "record the decode step as a CUDA graph and replay it; with =auto, where enough steps follow, "
          "or requests of the same size come again (docs/cuda.md)")
      ->check(CLI::IsMember({"auto", "off", "on"}))
      ->each([&options, graphs](const std::string& value) {
        options.cuda_graph = value == "auto"  ? CudaGraph::automatic
                             : value == "off" ? CudaGraph::off
                                              : CudaGraph::on;
      });
  command
      .add_option("--feature-cache", options.feature_cache,
                  "folder in which the features of pictures are kept, so that another run, prompt or decoder "
                  "encodes no picture again")
      ->type_name("DIR")
      ->check(not_empty());
  command
      .add_option_function<double>(
          "--feature-cache-size",
          [&options](double gigabytes) {
            options.feature_cache_bytes = static_cast<int64_t>(gigabytes * 1e9);
          },
          "most that the folder may hold, in GB; what was used the longest time ago is removed (default "
          "10.7)")
      ->check(CLI::Range(0.001, 1e6));
  add_threads(command, options);
  command.add_option("--weights-seed", options.weights_seed, "seed of the values with --weights random")
      ->check(CLI::Range(uint64_t{0}, static_cast<uint64_t>(std::numeric_limits<int64_t>::max())))
      ->capture_default_str();
}

void add_resamples(CLI::App& command, int64_t& resamples) {
  command
      .add_option("--resamples", resamples,
                  "bootstrap samples for the confidence intervals and tests; 0: none of these")
      ->check(CLI::Range(0, 1'000'000));
}

void add_threads(CLI::App& command, RunOptions& options) {
  command.add_option("--threads", options.threads, "number of CPU threads; 0: one per core")
      ->check(CLI::Range(0, 256))
      ->capture_default_str();
}

void add_batch_size(CLI::App& command, int64_t& batch_size, const char* of_what) {
  command.add_option("--batch-size", batch_size, of_what)->check(CLI::Range(1, 4096))->capture_default_str();
}

void add_prompt_tokens(CLI::App& command, int64_t& prompt_tokens, const char* description) {
  command.add_option("--prompt-tokens", prompt_tokens, description)
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
}

void add_seed(CLI::App& command, std::optional<int64_t>& seed, const char* of_what) {
  command.add_option("--seed", seed, of_what)
      ->check(CLI::Range(int64_t{0}, std::numeric_limits<int64_t>::max()));
}

}  // namespace flam::cli
