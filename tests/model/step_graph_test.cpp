// A decode step that a graph can record: it does the same operations on the same memory each time, and gives
// the same results as the step with a growing cache.
#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/record_function.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/generate/generate.h"
#include "framework/session/session_parts.h"
#include "tests/support/called_again.h"

namespace flam {
namespace {

/// Every operator that a thread calls, with the shapes of its tensors and the values of its other arguments.
/// Tensors that existed before the step are identified by their address, because a graph keeps reading them
/// there.
class OpLog {
 public:
  OpLog() {
    current() = this;
    handle_ = at::addThreadLocalCallback(
        at::RecordFunctionCallback(&OpLog::before, &OpLog::after).needsInputs(true).needsOutputs(true));
  }
  ~OpLog() {
    at::removeCallback(handle_);
    current() = nullptr;
  }
  OpLog(const OpLog&) = delete;
  OpLog& operator=(const OpLog&) = delete;

  std::vector<std::string> lines;
  std::vector<std::set<at::DeviceType>> devices;  // of the tensors of each

 private:
  static OpLog*& current() {
    static thread_local OpLog* log = nullptr;
    return log;
  }

  static std::unique_ptr<at::ObserverContext> before(const at::RecordFunction& function) {
    current()->add(function);
    ++current()->depth_;
    return nullptr;
  }

  static void after(const at::RecordFunction& function, at::ObserverContext*) {
    if (--current()->depth_ > 0) return;
    for (const c10::IValue& output : function.outputs()) {
      if (!output.isTensor() || !has_memory(output.toTensor())) continue;
      const void* memory = output.toTensor().storage().data();
      if (!current()->found_.contains(memory)) current()->made_.insert(memory);
    }
  }

  /// Numbers that libtorch wraps as tensors are recorded as the original arguments.
  static bool has_memory(const at::Tensor& tensor) {
    return tensor.defined() && tensor.has_storage() && !tensor.unsafeGetTensorImpl()->is_wrapped_number();
  }

  void add(const at::RecordFunction& function) {
    std::ostringstream line;
    line << function.name();
    devices.emplace_back();
    for (const c10::IValue& input : function.inputs()) {
      if (input.isTensor()) {
        add(input.toTensor(), line);
      } else if (input.isTensorList()) {
        for (const at::Tensor& tensor : input.toTensorVector()) add(tensor, line);
      } else if (input.isInt() || input.isDouble() || input.isBool() || input.isIntList() || input.isNone()) {
        line << " " << input;
      }
    }
    lines.push_back(line.str());
  }

  void add(const at::Tensor& tensor, std::ostringstream& line) {
    if (!has_memory(tensor)) return;
    devices.back().insert(tensor.device().type());
    line << " " << tensor.scalar_type() << tensor.sizes();
    const void* memory = tensor.storage().data();
    if (depth_ > 0 || made_.contains(memory)) return;
    found_.insert(memory);
    line << "@" << memory << "+" << tensor.storage_offset();
  }

  int depth_ = 0;                       // of operators that call others
  std::set<const void*> made_, found_;  // created by this step; existing before it
  at::CallbackHandle handle_;
};

class StepGraphTest : public ::testing::Test {
 protected:
  static std::shared_ptr<Session> open(std::vector<std::string> overrides = {}) {
    RunOptions options;
    options.overrides = std::move(overrides);
    return Session::open("flamingo_mini_caption", options);
  }

  static Prepared two_prompts(const Session& session) {
    std::vector<Prompt> prompts;
    for (const int64_t shade : {40, 200}) {
      PictureSource source;
      source.picture = Picture{at::full({90, 120, 3}, shade, at::kByte)};
      Prompt prompt{
          template_text(shade == 40 ? "<image>Output:" : "<image>Output:a red circle<|endofchunk|>"), {}};
      prompt.media.push_back({Part::Kind::image, "", {source}});
      prompts.push_back(std::move(prompt));
    }
    Prepared prepared = session.parts().prepare(prompts, nullptr, /*with_pixels=*/true);
    session.parts().encode_media(prepared);
    return prepared;
  }

  const c10::InferenceMode inference;
};

TEST_F(StepGraphTest, EqualsTheStepWithAGrowingCache) {
  for (const char* rule : {"last", "nothing"}) {
    SCOPED_TRACE(rule);
    const auto session = open({std::string("model.adapter.cached_tokens_see=") + rule});
    const Prepared prepared = two_prompts(*session);
    constexpr int64_t kBeams = 2;
    const auto growing = session->model().start(prepared.batch, kBeams, 5);
    const auto fixed =
        session->model().start(prepared.batch, kBeams, 5, nullptr, std::make_unique<test::CalledAgain>());
    const at::Tensor first = fixed->prefill();
    EXPECT_TRUE(first.equal(growing->prefill()));
    const at::Tensor source = at::tensor({1, 0, 2, 2}, at::kLong);
    const int64_t image = session->model().image_token_id();
    at::Tensor kept, kept_copy;
    for (const auto& row : std::vector<std::vector<int64_t>>{
             {300, 301, 7, 8}, {20, 21, 22, 23}, {9, image, 10, 11}, {30, 31, 32, 33}, {1, 2, 3, 4}}) {
      const at::Tensor ids = at::tensor(row, at::kLong);
      const at::Tensor a = growing->step(ids), b = fixed->step(ids);
      EXPECT_LT((a - b).abs().max().item().toDouble(), 1e-4) << ids;
      if (kept.defined()) {
        EXPECT_TRUE(kept.equal(kept_copy)) << "a later step changed the logits of an earlier one";
      }
      kept = b;
      kept_copy = b.clone();
      growing->reorder(source);
      fixed->reorder(source);
    }
    EXPECT_THROW(fixed->step(at::tensor({1, 2, 3, 4}, at::kLong)), RunError);
  }
}

TEST_F(StepGraphTest, BeamSearchGivesTheSameResults) {
  const auto session = open();
  const Prepared prepared = two_prompts(*session);
  GenerateInput input;
  input.prompts = prepared.rows;
  GenerationParams params;
  for (const int64_t beams : {1, 3}) {
    params.num_beams = beams;
    input.stop_ids = stop_ids(params, session->model().tokenizer());
    const auto growing = session->model().start(prepared.batch, beams, params.max_new_tokens);
    const auto fixed = session->model().start(prepared.batch, beams, params.max_new_tokens, nullptr,
                                              std::make_unique<test::CalledAgain>());
    const auto expected = generate(*growing, input, params), got = generate(*fixed, input, params);
    for (size_t row = 0; row < expected.size(); ++row)
      EXPECT_EQ(got[row].hypotheses.front().ids, expected[row].hypotheses.front().ids) << beams << " beams";
  }
}

TEST_F(StepGraphTest, EveryStepHasTheSameOperations) {
  for (const char* rule : {"last", "nothing"}) {
    SCOPED_TRACE(rule);
    const auto session = open({std::string("model.adapter.cached_tokens_see=") + rule});
    const Prepared prepared = two_prompts(*session);
    std::vector<std::vector<std::string>> steps;
    const auto fixed = session->model().start(prepared.batch, 2, 6, nullptr,
                                              std::make_unique<test::CalledAgain>([&](const auto& work) {
                                                const OpLog log;
                                                work();
                                                steps.push_back(log.lines);
                                              }));
    fixed->prefill();
    for (int64_t i = 0; i < 6; ++i) {
      fixed->step(at::full({4}, 20 + i, at::kLong));
      fixed->reorder(at::tensor({1, 0, 2, 2}, at::kLong));
    }
    ASSERT_EQ(steps.size(), 6u);
    EXPECT_GT(steps[0].size(), 50u);
    EXPECT_THAT(steps[0], testing::Contains(testing::ContainsRegex("^aten::index_copy_ .*@.* 2 Long")));
    for (size_t i = 1; i < steps.size(); ++i) {
      ASSERT_EQ(steps[i].size(), steps[0].size()) << "step " << i;
      for (size_t line = 0; line < steps[0].size(); ++line)
        ASSERT_EQ(steps[i][line], steps[0][line]) << "step " << i << ", after " << steps[0][line - 1];
    }
    // Operators that wait for the device or copy from the host.
    for (const std::string& line : steps[0]) {
      for (const char* waits :
           {"aten::item", "aten::_local_scalar_dense", "aten::nonzero", "aten::is_nonzero", "aten::equal ",
            "aten::masked_select", "aten::unique", "aten::lift_fresh"})
        EXPECT_FALSE(line.starts_with(waits)) << line;
    }
  }
}

/// On the meta device nothing is computed, but every operator is called. None of them may get tensors on the
/// CPU.
TEST_F(StepGraphTest, UsesNoTensorsOnTheCpu) {
  const auto session = open();
  const Model& model = session->model();
  const auto on_meta = Model::assemble(session->config().model, session->registry());
  Prepared prepared = two_prompts(*session);
  const OpLog log;
  const Features features = on_meta->encode_images(prepared.pixels);
  prepared.batch.media = on_meta->resample(features, prepared.index);
  on_meta->logits(on_meta->forward(prepared.batch).hidden);
  for (const bool with_graph : {false, true}) {
    const auto steps = on_meta->start(prepared.batch, 2, 4, nullptr,
                                      with_graph ? std::make_unique<test::CalledAgain>() : nullptr);
    steps->prefill();
    for (int64_t i = 0; i < 3; ++i) steps->step(at::full({4}, 20 + i, at::kLong));
  }
  ASSERT_EQ(model.device(), at::kCPU);
  ASSERT_GT(log.lines.size(), 500u);
  for (size_t i = 0; i < log.lines.size(); ++i) {
    const bool moves =
        log.lines[i].starts_with("aten::copy_ ") || log.lines[i].starts_with("aten::index_put");
    EXPECT_TRUE(moves || log.devices[i].size() <= 1) << log.lines[i];
  }
}

}  // namespace
}  // namespace flam
