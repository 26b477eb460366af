#include "framework/commands/infer/infer.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "apps/flam/launched.h"
#include "apps/flam/progress.h"
#include "framework/base/text.h"
#include "framework/report/figures.h"
#include "framework/report/json.h"
#include "framework/session/receipt.h"

namespace flam::cli {

namespace {

constexpr int64_t kMostErrors = 10;  // that are printed with --output

void print(const Request& request, const Outcome& outcome, const GenerationParams& params, bool json,
           bool many) {
  if (json) {
    std::cout << json_line(outcome_json(request, outcome, params.n_best)) << "\n";
  } else if (outcome.error) {
    std::cerr << "error: " << (request.source.empty() ? "" : printable(request.source, 4096) + ": ")
              << *outcome.error << "\n";
  } else {
    const std::string name = many ? printable(request.id, 4096) + ": " : "";
    if (params.n_best > 1 && !outcome.result.hypotheses.empty()) {
      for (const auto& hypothesis : outcome.result.hypotheses) {
        std::cout << name << printable(hypothesis.text, 100'000) << "  (" << hypothesis.score << ")\n";
      }
    } else {
      std::cout << name << printable(outcome.answer.front().second, 100'000) << "\n";
    }
  }
  std::cout.flush();
}

/// The last line on stderr for --output.
void print_summary(const InferOptions& options, const InferReport& report) {
  const int64_t records = report.done + report.kept;
  std::cerr << quoted(options.output) << " is complete: " << with_commas(records)
            << (records == 1 ? " record" : " records");
  if (report.kept > 0) std::cerr << ", " << with_commas(report.kept) << " from before";
  if (report.done > 0) {
    std::cerr << "; " << with_commas(report.done) << " took " << significant(report.seconds, 3) << " s, "
              << significant(static_cast<double>(report.done) / report.seconds, 3) << "/s";
  }
  std::cerr << "\n";
}

int run(const InferOptions& options, bool json) {
  Progress progress("infer", "requests");
  const bool many = !asks_about_one_picture(options.inputs);
  int64_t errors = 0;
  InferHooks hooks;
  hooks.open = open_session;
  hooks.outcome = [&](const Request& request, const Outcome& outcome, const GenerationParams& generation) {
    // The file has all errors; the first few show what is wrong.
    if (!options.output.empty() && (!outcome.error || ++errors > kMostErrors)) return;
    progress.clear();
    print(request, outcome, generation, json, many);
  };
  hooks.progress = [&](int64_t done, int64_t total, int64_t kept) { progress.update(done, total, kept); };
  hooks.left_out = [&](const std::string& summary) {
    progress.clear();
    std::cerr << summary << "\n";
  };
  hooks.cancelled = interrupted;
  const InferReport report = infer(options, hooks);
  progress.clear();
  if (interrupted()) {
    std::cerr << "error: interrupted after " << report.done << " answers"
              << (options.output.empty() ? "" : "; they are kept, and the same command continues after them")
              << (options.receipt.empty() ? "" : "; no receipt was written")
              << (options.contact_sheet.empty() ? "" : "; no contact sheet was written") << "\n";
    return interrupted_status();
  }
  if (report.failed > 0 && (report.done > 1 || !options.output.empty()))
    std::cerr << report.failed << " of " << report.done << (report.done == 1 ? " record" : " records")
              << " failed\n";
  if (!options.output.empty()) print_summary(options, report);
  if (report.done == 0 && !options.save_context.empty()) return 0;  // only that was asked for
  if (report.kept == 0 && report.refused == report.done) return 2;  // nothing could be run
  return report.failed > 0 ? 1 : 0;
}

/// The options that name a file to be written, and their files.
std::vector<std::pair<const char*, std::string>> written_files(const InferOptions& options) {
  return {{"--output", options.output},   {"--contact-sheet", options.contact_sheet},
          {"--receipt", options.receipt}, {"--record", options.record},
          {"--explain", options.explain}, {"--save-context", options.save_context}};
}

}  // namespace

void add_infer(CLI::App& app, int& status) {
  auto options = std::make_shared<InferOptions>();
  auto json = std::make_shared<bool>(false);
  CLI::App* command =
      app.add_subcommand("infer", "caption pictures and videos, or answer a question about them");
  command->footer(
      "Examples:\n  flam infer flamingo_mini_caption docs/images/scene.png\n"
      "  flam infer flamingo_mini_vqa docs/images/scene.png --question \"how many objects are there?\"\n"
      "  flam infer flamingo_3rdparty-fewshot_caption cat.png --shot dog.png=\"A dog on a sofa.\" --set "
      "weights.root=DIR");
  command->add_option("CONFIG", options->config, "model name or config file")->required();
  command->add_option("IMAGE", options->inputs.images,
                      "picture or video files, folders, or - to read one picture from standard input");
  command->add_flag("--recursive", options->inputs.recursive, "also read the subfolders of folders");
  command
      ->add_option("--frames", options->inputs.sampling.frames,
                   "most frames to take of a video, from the first to the last at equal distances")
      ->check(CLI::Range(int64_t{1}, kMostFrames));
  command->add_option("--fps", options->inputs.sampling.fps, "frames to take for each second of a video")
      ->check(CLI::Range(kLeastFps, kMostFps));
  command->add_flag("--key-frames", options->inputs.sampling.key_frames,
                    "take only frames of a video that its encoder stored whole");
  command->add_option("--question", options->inputs.question, "question to answer about each picture");
  command
      ->add_option("--shot", options->inputs.shots,
                   "example in the prompt: IMAGE=TEXT, or for questions IMAGE=QUESTION=>ANSWER (repeatable)")
      ->allow_extra_args(false);
  command
      ->add_option("--shots", options->inputs.shots_file,
                   "file of examples for the prompt, JSON or JSON lines of {\"image\": …, \"question\": …, "
                   "\"answer\": …} or {\"image\": …, \"caption\": …}")
      ->type_name("FILE")
      ->check(not_empty());
  command
      ->add_option("--save-context", options->save_context,
                   "write what the model has computed of the examples, for --load-context")
      ->type_name("FILE.safetensors")
      ->check(not_empty());
  command
      ->add_option("--load-context", options->load_context,
                   "take the examples from such a file, so that they are not computed again")
      ->type_name("FILE.safetensors")
      ->check(not_empty());
  command
      ->add_option(
          "--candidate", options->inputs.candidates,
          "answer to choose from, for models that rank; replaces the config's candidates (repeatable)")
      ->allow_extra_args(false)
      ->type_name("TEXT");
  command
      ->add_option("--request", options->inputs.request_file,
                   "file of requests, one JSON object {\"parts\": [{\"image\": …}, {\"text\": …}]} per line; "
                   "- is standard input")
      ->type_name("FILE|-")
      ->check(not_empty());
  CLI::Option* as_json = command->add_flag("--json", *json, "print one JSON object per line");
  CLI::Option* output =
      command
          ->add_option("--output", options->output,
                       "write the answers to a file instead; records that it has already are not made again")
          ->type_name("FILE.jsonl|FILE.csv")
          ->check(not_empty())
          ->excludes(as_json);
  command->add_flag("--overwrite", options->overwrite, "start the file of --output anew")->needs(output);
  command
      ->add_option("--contact-sheet", options->contact_sheet,
                   "write a page with small pictures, answers, confidences and a search box")
      ->type_name("FILE.html")
      ->check(not_empty());
  add_batch_size(*command, options->batch_size, "requests answered together");
  add_num_beams(*command, options->num_beams, "number of beams, instead of the config's");
  command
      ->add_option("--max-new-tokens", options->max_new_tokens,
                   "most tokens of an answer, instead of the config's")
      ->check(CLI::Range(1, 100000));
  command
      ->add_option("--n-best", options->n_best,
                   "sequences to print for each picture: the best beams, or samples if the config samples")
      ->check(CLI::Range(1, 64));
  command
      ->add_option("--receipt", options->receipt,
                   "write a file with everything needed to repeat the run, and with prompts and timings")
      ->type_name("FILE")
      ->check(not_empty());
  command
      ->add_option(
          "--record", options->record,
          "write a file with the attention of resampler and adapter, and each token's log-probability")
      ->type_name("FILE.safetensors")
      ->check(not_empty());
  command
      ->add_option("--explain", options->explain,
                   "write a page that shows where the model looked for each word, and how much the answer "
                   "depends on each shot")
      ->type_name("FILE.html")
      ->check(not_empty());
  add_session_options(*command, options->session);
  add_seed(*command, options->seed, "seed of sampling, instead of the config's");
  command->callback([options, json, &status] {
    for (const auto& [name, file] : written_files(*options))
      if (!file.empty()) require_one_process(cat("infer ", name));
    status = run(*options, *json);
  });
}

}  // namespace flam::cli
