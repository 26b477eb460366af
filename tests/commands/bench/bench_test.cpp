// Stages of a small model: which run, and what their work is.
#include "framework/commands/bench/bench.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/base/interrupted.h"
#include "framework/nn/kernels/few_rows.h"
#include "framework/nn/kernels/row_tiles.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;

BenchOptions small() {
  BenchOptions options;
  options.config = "flamingo_mini_caption";
  options.session.weights = "random";
  options.session.threads = 1;
  options.shape.prompt_tokens = 8;
  options.shape.new_tokens = 2;
  options.repeat = 1;
  return options;
}

std::vector<std::string> names(const BenchResult& result) {
  std::vector<std::string> out;
  for (const StageResult& stage : result.stages) out.push_back(stage.name);
  return out;
}

TEST(Bench, TimesEveryStageAndWritesATrace) {
  const test::Scratch scratch;
  BenchOptions options = small();
  options.shape.images = 2;
  options.shape.num_beams = 3;
  options.shape.batch_size = 2;
  options.repeat = 2;
  options.trace = (scratch / "trace.json").string();
  int64_t rounds = 0;
  BenchHooks hooks;
  hooks.progress = [&](int64_t done, int64_t) { rounds = done; };
  const BenchResult result = bench(options, hooks).result;
  EXPECT_EQ(rounds, 2);
  EXPECT_THAT(names(result), ElementsAre("decode_file", "transform", "vision", "resampler", "media_kv",
                                         "prefill", "decode_step"));
  for (const StageResult& stage : result.stages) {
    EXPECT_GT(stage.ms.median, 0) << stage.name;
    EXPECT_LE(stage.ms.q1, stage.ms.q3) << stage.name;
    EXPECT_GT(stage.limit.ms(), 0) << stage.name;
    EXPECT_GT(stage.bytes, 0) << stage.name;
    EXPECT_EQ(stage.ms.runs, stage.name == "decode_step" ? 4 : 2) << stage.name;
  }
  EXPECT_EQ(result.find("vision")->items, 4);
  EXPECT_EQ(result.find("prefill")->items, 16);
  EXPECT_EQ(result.find("decode_step")->items, 2)
      << "one token for each prompt, whatever the number of beams";
  EXPECT_GT(result.bytes_per_second.median, 0);
  EXPECT_GT(result.flops_per_second.median, 0);
  EXPECT_THAT(bench_text(result), HasSubstr("2 prompts, each of 8 tokens with 2 pictures"));

  const auto trace = nlohmann::json::parse(read_file(options.trace, 1 << 26));
  std::set<std::string> traced;
  const char* const own =
      kernels::has_row_tiles(false) ? "flam::many_rows_product" : "flam::few_rows_product";
  const char* const linear = kernels::enabled() ? own : "aten::linear";
  bool any_linear = false;
  for (const auto& event : trace.at("traceEvents")) {
    if (event.at("ph") != "X") continue;
    EXPECT_GE(event.at("dur").get<double>(), 0);
    if (event.at("tid") == 1) traced.insert(event.at("name"));
    if (event.at("name") == linear && event.at("args").at("stage") == "decode_step") {
      any_linear = true;
      EXPECT_EQ(event.at("args").at("dtype"), "float32");
      EXPECT_GE(event.at("args").at("shapes").size(), 2U);
    }
  }
  EXPECT_TRUE(any_linear);
  EXPECT_EQ(traced.size(), 7U);
}

TEST(Bench, WithoutPicturesOnlyTheDecoderRuns) {
  BenchOptions options = small();
  options.shape.images = 0;
  EXPECT_THAT(names(bench(options).result), ElementsAre("prefill", "decode_step"));
}

TEST(Bench, CutsThePicturesAsTheLayoutDoes) {
  BenchOptions options = small();
  options.session.overrides = {
      "model.adapter={type: prefix}", "model.media_layout={type: grid, longest_edge: 160}",
      "transforms=[{type: normalize, mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5]}]"};
  options.shape.prompt_tokens = 5;
  EXPECT_THAT(error_of([&] { bench(options); }), HasSubstr("cut into 5 crops each"));
  options.shape.prompt_tokens = 6;
  const BenchResult result = bench(options).result;
  EXPECT_EQ(result.find("vision")->items, 1);
  options.session.overrides[1] = "model.media_layout={type: single}";
  options.session.overrides[2] =
      "transforms=[{type: resize, height: 80, width: 80}, {type: normalize, mean: [0, 0, 0], "
      "std: [1, 1, 1]}]";
  const BenchResult whole = bench(options).result;
  EXPECT_GT(result.find("vision")->flops, 4.9 * whole.find("vision")->flops);
}

TEST(Bench, CountsTheWorkOfEveryLayer) {
  const auto session = Session::open("flamingo_mini_caption", small().session);
  const BenchStages stages(*session, small().shape);
  StageTimes times;
  OperatorRecorder recorder;
  stages.run(times, 1, &recorder, {});
  ASSERT_EQ(recorder.stages().size(), 7U);
  StageWork step;
  add_run(step, recorder.stages().back());
  // A step reads every matrix of the decoder once, and of the embedding only one row, unless it is tied.
  const WeightStore& weights = session->model().weights();
  const auto decoder = static_cast<double>(4 * weights.parameter_count("language_decoder")),
             all = static_cast<double>(4 * weights.parameter_count());
  EXPECT_GT(step.bytes(), 0.7 * decoder);
  EXPECT_LT(step.bytes(), 1.1 * all);
}

TEST(Bench, RefusesWhatDoesNotFitBeforeItOpensTheModel) {
  const auto error = [](const BenchOptions& options) {
    BenchHooks hooks;
    hooks.open = [](const std::string&, const RunOptions&) -> std::shared_ptr<Session> {
      ADD_FAILURE() << "the model was opened";
      throw Error("opened");
    };
    return error_of([&] { bench(options, hooks); });
  };
  BenchOptions options = small();
  options.shape.images = 8;
  EXPECT_THAT(error(options), HasSubstr("--prompt-tokens 8 has no room for a token of text"));
  options = small();
  options.shape.new_tokens = 100'000;
  EXPECT_THAT(error(options),
              HasSubstr("are 100008 tokens, but the context of language_decoder 'llama' has"));
  options = small();
  options.compare = "/no/such.json";
  EXPECT_THAT(error(options), HasSubstr("/no/such.json"));
  const test::Scratch scratch;
  options.compare = options.trace = (scratch / "old.json").string();
  write_file(options.compare, "{}");
  EXPECT_THAT(error(options), HasSubstr("would overwrite an input"));
  options.trace = (scratch / "notes.json").string();
  write_file(options.trace, "[]");
  EXPECT_THAT(error(options), HasSubstr("which is not a trace of operators"));
  options.trace.clear();
  EXPECT_THAT(error(options), HasSubstr("is not what `flam bench --json` prints"));
  BenchResult other;
  other.config = "flamingo_mini_vqa";
  other.bytes_per_second = other.flops_per_second = {1, 1, 1, 1};
  write_file(options.compare, bench_json(other).dump());
  EXPECT_THAT(error(options), HasSubstr("is of the config 'flamingo_mini_vqa'"));
}

TEST(Bench, EndsWhenItIsCancelled) {
  BenchHooks hooks;
  int64_t asked = 0;
  hooks.cancelled = [&] { return ++asked > 3; };
  EXPECT_THROW(bench(small(), hooks), Interrupted);
}

}  // namespace
}  // namespace flam
