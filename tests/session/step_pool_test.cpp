// Recorded decode steps are used again for prompts of the same size, and give the same results as ordinary
// steps.
#include "framework/session/step_pool.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/generate/generate.h"
#include "framework/session/session_parts.h"
#include "tests/support/called_again.h"

namespace flam {
namespace {

/// Counts the graphs that are made and the steps that are recorded.
class CountedGraphs final : public StepGraphs {
 public:
  explicit CountedGraphs(int& made, int& out_of_memory) : made_(made), out_of_memory_(out_of_memory) {}
  std::unique_ptr<StepGraph> make() const override {
    if (out_of_memory_ > 0) {
      --out_of_memory_;
      C10_THROW_ERROR(OutOfMemoryError, "no memory");
    }
    ++made_;
    return std::make_unique<test::CalledAgain>();
  }

 private:
  int &made_, &out_of_memory_;
};

class StepPoolTest : public ::testing::Test {
 protected:
  void open(const std::vector<std::string>& overrides = {}, bool automatic = false,
            const std::string& weights = "") {
    RunOptions options;
    options.weights = weights;
    options.overrides = overrides;
    session = Session::open("flamingo_mini_caption", options);
    pool = std::make_unique<StepPool>(session->model(), std::make_unique<CountedGraphs>(made, out_of_memory),
                                      automatic);
  }

  /// A prompt for each shade of grey, with `pictures` pictures.
  Prepared prompts(const std::vector<int64_t>& shades, int64_t pictures = 1) const {
    std::vector<Prompt> out;
    for (const int64_t shade : shades) {
      Prompt prompt{template_text(""), {}};
      for (int64_t i = 0; i < pictures; ++i) {
        PictureSource source;
        source.picture = Picture{at::full({90, 120, 3}, shade + i, at::kByte)};
        prompt.media.push_back({Part::Kind::image, "", {source}});
        prompt.text += template_text("<image>Output:");
      }
      out.push_back(std::move(prompt));
    }
    Prepared prepared = session->parts().prepare(out);
    session->parts().encode_media(prepared);
    return prepared;
  }

  std::vector<std::vector<int64_t>> answers(StepModel& steps, const Prepared& prepared, int64_t beams,
                                            int64_t new_tokens) const {
    GenerationParams params;
    params.num_beams = beams;
    params.max_new_tokens = new_tokens;
    GenerateInput input;
    input.prompts = prepared.rows;
    input.stop_ids = stop_ids(params, session->model().tokenizer());
    std::vector<std::vector<int64_t>> out;
    for (const Result& result : generate(steps, input, params)) out.push_back(result.hypotheses.front().ids);
    return out;
  }

  const c10::InferenceMode inference;
  std::shared_ptr<Session> session;
  int made = 0, out_of_memory = 0;
  std::unique_ptr<StepPool> pool;
};

TEST_F(StepPoolTest, TheNextPromptsOfTheSameSizeUseTheSameRecording) {
  for (const char* rule : {"last", "nothing"}) {
    SCOPED_TRACE(rule);
    made = 0;
    open({std::string("model.adapter.cached_tokens_see=") + rule});
    for (const int64_t beams : {1, 3}) {
      for (const std::vector<int64_t>& shades :
           std::vector<std::vector<int64_t>>{{40, 200}, {0, 90}, {255, 17}}) {
        const Prepared prepared = prompts(shades);
        const auto ordinary = session->model().start(prepared.batch, beams, 12);
        const auto expected = answers(*ordinary, prepared, beams, 12);
        const auto kept = pool->start(prepared.batch, beams, 12);
        EXPECT_EQ(answers(*kept, prepared, beams, 12), expected);
      }
    }
    EXPECT_EQ(made, 2);  // one for each number of beams
    EXPECT_EQ(pool->kept(), 2);
  }
}

TEST_F(StepPoolTest, OtherSizesGetRecordingsOfTheirOwn) {
  open();
  const Prepared one = prompts({40}), two = prompts({40}, 2), rows = prompts({40, 50});
  for (const Prepared* prepared : {&one, &two, &rows}) {
    const auto ordinary = session->model().start(prepared->batch, 1, 6);
    const auto kept = pool->start(prepared->batch, 1, 6);
    EXPECT_EQ(answers(*kept, *prepared, 1, 6), answers(*ordinary, *prepared, 1, 6));
  }
  EXPECT_EQ(made, 3);
  pool->start(one.batch, 1, StepPool::kLeastRoom);  // rounded to the same room
  EXPECT_EQ(made, 3);
  pool->start(one.batch, 1, StepPool::kLeastRoom + 1);
  EXPECT_EQ(made, 4);
}

TEST_F(StepPoolTest, MediaAmongTheTokensCountAsPositions) {
  open({"model.adapter={_delete_: true, type: prefix, projection: linear}"}, false, "random");
  for (const char* text : {"<image>", "<image>Output:", "<image>Output:a red circle"}) {
    PictureSource source;
    source.picture = Picture{at::full({90, 120, 3}, 40, at::kByte)};
    Prompt prompt{template_text(text), {}};
    prompt.media.push_back({Part::Kind::image, "", {source}});
    Prepared prepared = session->parts().prepare({&prompt, 1});
    session->parts().encode_media(prepared);
    const auto ordinary = session->model().start(prepared.batch, 1, 4);
    const auto kept = pool->start(prepared.batch, 1, 4);
    EXPECT_EQ(answers(*kept, prepared, 1, 4), answers(*ordinary, prepared, 1, 4)) << text;
  }
  EXPECT_EQ(made, 1);
}

TEST_F(StepPoolTest, TwoAtOnceHaveTheirOwn) {
  open();
  const Prepared prepared = prompts({40});
  auto first = pool->start(prepared.batch, 1, 4), second = pool->start(prepared.batch, 1, 4);
  EXPECT_EQ(made, 2);
  EXPECT_EQ(pool->kept(), 0);
  EXPECT_EQ(answers(*first, prepared, 1, 4), answers(*second, prepared, 1, 4));
  first.reset();
  second.reset();
  EXPECT_EQ(pool->kept(), 2);
}

TEST_F(StepPoolTest, KeepsAFew) {
  open();
  for (int64_t beams = 1; beams <= 6; ++beams) pool->start(prompts({40}).batch, beams, 4);
  EXPECT_EQ(pool->kept(), static_cast<int64_t>(StepPool::kMostKept));
}

TEST_F(StepPoolTest, AutomaticallyWhereItPays) {
  open({}, /*automatic=*/true);
  const Prepared prepared = prompts({40});
  pool->start(prepared.batch, 1, 5);
  EXPECT_EQ(made, 0) << "a few steps, the first time";
  pool->start(prepared.batch, 1, 5);
  EXPECT_EQ(made, 1) << "the same size again";
  pool->start(prepared.batch, 2, StepPool::kWorthRecording);
  EXPECT_EQ(made, 2) << "many steps";
}

TEST_F(StepPoolTest, AGenerationThatFailedIsNotKept) {
  open();
  const Prepared prepared = prompts({40});
  {
    const auto steps = pool->start(prepared.batch, 1, StepPool::kLeastRoom);
    steps->prefill();
    for (int64_t i = 0; i < StepPool::kLeastRoom; ++i) steps->step(at::full({1}, 30 + i, at::kLong));
    EXPECT_THROW(steps->step(at::full({1}, 30, at::kLong)), RunError);
  }
  EXPECT_EQ(pool->kept(), 0);
}

TEST_F(StepPoolTest, TheKeptOnesGiveWayWhenMemoryRunsOut) {
  open();
  const Prepared prepared = prompts({40});
  pool->start(prepared.batch, 1, 4);
  out_of_memory = 1;
  EXPECT_NO_THROW(pool->start(prepared.batch, 2, 4));
  EXPECT_EQ(pool->kept(), 1);
  out_of_memory = 2;
  EXPECT_THROW(pool->start(prepared.batch, 3, 4), c10::OutOfMemoryError);
}

TEST_F(StepPoolTest, PromptsThatFillTheContextAreNotRounded) {
  open();
  const Prepared prepared = prompts({40});
  const int64_t context = session->model().language_decoder().max_positions();
  const int64_t room = context - prepared.batch.ids.size(1);
  EXPECT_NO_THROW(pool->start(prepared.batch, 1, room));
  EXPECT_EQ(made, 0);
}

}  // namespace
}  // namespace flam
