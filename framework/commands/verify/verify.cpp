#include "framework/commands/verify/verify.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <map>

#include "framework/base/text.h"
#include "framework/commands/verify/reference_case.h"
#include "framework/commands/verify/stage_check.h"
#include "framework/device/device_memory.h"
#include "framework/device/one_thread.h"
#include "framework/generate/generate.h"
#include "framework/session/session_parts.h"

namespace flam {

int64_t VerifyReport::num_compared() const {
  return std::ranges::count_if(stages, [](const StageCheck& stage) { return stage.compared; });
}

bool VerifyReport::passed() const {
  return num_compared() > 0 && first_departure().empty();
}

std::string VerifyReport::first_departure() const {
  for (const StageCheck& stage : stages) {
    if (!stage.passed) return stage.stage;
  }
  return "";
}

namespace {

// Keeps every stage of one forward pass under the reference's names.
class Recorder final : public Probe {
 public:
  void record(std::string_view stage, int64_t layer, const at::Tensor& value) override {
    const std::string name = std::string(stage) + (layer >= 0 ? std::to_string(layer) : "");
    order.push_back(name);
    values[name] = value;
  }
  std::vector<std::string> order;
  std::map<std::string, at::Tensor> values;
};

class Verification {
 public:
  Verification(const Session& session, const ReferenceCase& reference, const VerifyOptions& options,
               VerifyReport& report)
      : session_(session), reference_(reference), options_(options), report_(report) {}

  void run() {
    const std::vector<Prompt> prompts = reference_.prompts(session_.model().tokenizer().image_token());
    check_prompts(prompts);
    Prepared prepared = session_.parts().prepare(prompts, nullptr, /*with_pixels=*/true);
    find_pictures(prepared);
    Recorder recorder;
    session_.parts().encode_media(prepared, nullptr, &recorder);
    const Sequence sequence = session_.model().forward(prepared.batch, &recorder);
    const at::Tensor logits = session_.model().logits(sequence.hidden, &recorder);
    check_inputs(prepared, sequence.mask);
    check_activations(sequence.mask, recorder, logits);
    check_cached_steps(prepared, logits.size(2));
    check_generation(prepared, "greedy_ids", "greedy", 1, 1.0);
    const auto penalty = reference_.length_penalty("beam3");
    check_generation(prepared, "beam3_ids", penalty ? "beam3" : "beam3_length_penalty_minus2", 3,
                     penalty.value_or(-2.0));
    check_generation(prepared, "beam3_lp1_ids", "beam3_length_penalty_1", 3, 1.0);
  }

 private:
  // Checks that the task head builds the reference's prompt from the shots and the query.
  void check_prompts(const std::vector<Prompt>& prompts) {
    for (size_t row = 0; row < reference_.rows(); ++row) {
      const auto request = reference_.request(row);
      const bool chats = session_.parts().task_head && session_.task_head().takes_messages();
      if (!request || request->messages.empty() == chats) {  // the dump does not say what was asked
        report_.skipped.push_back(cat("prompt_text[", row, "]"));
        continue;
      }
      const std::string ours = prompt_of(session_.task_head().task(*request)).text.str();
      report_.stages.push_back(compare_text(cat("prompt_text[", row, "]"), ours, prompts[row].text.str()));
    }
  }

  // Notes which places of the batch hold a picture of a prompt; the others are padding.
  void find_pictures(const Prepared& prepared) {
    if (!prepared.index.defined()) return;
    places_ = prepared.index.numel();
    const int64_t media = prepared.index.size(1), most = prepared.index.size(2);
    const at::Tensor frames = prepared.frames.to(at::kLong).cpu().contiguous();
    const std::string& marker = session_.model().tokenizer().image_token();
    for (size_t row = 0; row < prepared.texts.size(); ++row) {
      for (int64_t t = 0; t < std::ssize(prepared.texts[row].find_all(marker)); ++t) {
        const int64_t medium = static_cast<int64_t>(row) * media + t;
        for (int64_t f = 0; f < frames.const_data_ptr<int64_t>()[medium]; ++f)
          pictures_.push_back(medium * most + f);
      }
    }
  }

  // Some references have no padding among the pictures of a batch: [pictures, …] for our [B,T,…].
  at::Tensor without_padding(at::Tensor ours, const at::Tensor& reference) const {
    if (reference.dim() == 0 || reference.size(0) != std::ssize(pictures_)) return ours;
    while (ours.dim() > reference.dim()) ours = ours.flatten(0, 1);
    if (ours.dim() != reference.dim() || ours.size(0) != places_) return ours;
    return ours.index_select(0, at::tensor(pictures_, at::kLong).to(ours.device()));
  }

  // [B,S]: the ids of the prompts with a marker for every media token, as Hugging Face's processors write
  // them, if that is the form of the reference.
  at::Tensor ids_like(const at::Tensor& reference, const Prepared& prepared, const at::Tensor& mask) const {
    const Tokenizer& tokenizer = session_.model().tokenizer();
    const int64_t marker = tokenizer.token_id(tokenizer.image_token()).value_or(-1);
    const int64_t stored = (reference == marker).sum().item<int64_t>();
    if (reference.sizes() != mask.sizes() || stored == (prepared.batch.ids == marker).sum().item<int64_t>())
      return prepared.batch.ids;
    const at::Tensor lengths = mask.to(at::kLong).sum(1).cpu();
    at::Tensor out = at::full({mask.size(0), mask.size(1)}, tokenizer.pad_id(), at::kLong);
    for (size_t row = 0; row < prepared.rows.size(); ++row) {
      const auto& ids = prepared.rows[row];
      const int64_t length = lengths[static_cast<int64_t>(row)].item<int64_t>();
      const int64_t media = std::count(ids.begin(), ids.end(), marker);
      const int64_t each = media > 0 ? (length - std::ssize(ids) + media) / media : 1;
      int64_t at = mask.size(1) - length;
      for (const int64_t id : ids) {
        const int64_t end = std::min(at + (id == marker ? each : 1), mask.size(1));
        out.select(0, static_cast<int64_t>(row)).narrow(0, at, end - at).fill_(id);
        at = end;
      }
    }
    return out;
  }

  // The text with as many markers for each medium as the reference has, if it has more.
  std::string text_like(const std::string& reference, const MarkedText& text) const {
    const std::string& marker = session_.model().tokenizer().image_token();
    const auto places = text.find_all(marker);
    const auto stored = template_text(reference).find_all(marker).size();
    std::string out = text.str();
    if (places.empty() || stored <= places.size() || stored % places.size() != 0) return out;
    std::string more;
    for (size_t i = 1; i < stored / places.size(); ++i) more += marker;
    for (auto place = places.rbegin(); place != places.rend(); ++place) out.insert(*place, more);
    return out;
  }

  void check_inputs(const Prepared& prepared, const at::Tensor& mask) {
    for (size_t row = 0; row < prepared.texts.size(); ++row) {
      if (const auto reference = reference_.expanded_text(row)) {
        report_.stages.push_back(compare_text(cat("expanded_text[", row, "]"),
                                              text_like(*reference, prepared.texts[row]), *reference));
      }
    }
    if (const auto reference = reference_.tensor("input_ids"))
      report_.stages.push_back(compare_equal("input_ids", ids_like(*reference, prepared, mask), *reference));
    if (const auto reference = reference_.tensor("attention_mask")) {
      const auto count = [](const at::Tensor& of) { return of.to(at::kLong).sum().item<int64_t>(); };
      const bool whole = reference->sizes() == mask.sizes() && count(*reference) == count(mask);
      const at::Tensor ours = (whole ? mask : prepared.batch.attention_mask).to(at::kLong);
      report_.stages.push_back(compare_equal("attention_mask", ours.cpu(), *reference));
    }
    if (const auto reference = reference_.tensor("images"); reference && prepared.index.defined()) {
      const at::Tensor ours =
          without_padding(prepared.pixels.index_select(0, prepared.index.reshape({-1})), *reference);
      const bool same = ours.numel() == reference->numel();
      report_.stages.push_back(compare_close("images", ours,
                                             same ? reference->reshape(ours.sizes()) : *reference, {},
                                             VerifyOptions().tolerance));
    }
  }

  void check_activations(const at::Tensor& mask, Recorder& recorder, const at::Tensor& logits) {
    for (const std::string& stage : recorder.order) {
      auto reference = reference_.tensor(stage);
      if (!reference) {
        report_.skipped.push_back(stage);
        continue;
      }
      if (stage == "vision_features") reference = without_prefix(*reference, recorder.values[stage].size(1));
      const bool per_token = stage != "vision_features" && stage != "media_tokens";
      const at::Tensor& ours = recorder.values[stage];
      report_.stages.push_back(compare_close(stage, per_token ? ours : without_padding(ours, *reference),
                                             *reference, per_token ? mask : at::Tensor(),
                                             options_.tolerance));
    }
    if (const auto reference = reference_.tensor("logits")) {
      report_.stages.push_back(compare_close("logits", logits, *reference, mask, options_.tolerance));
    } else if (const auto last = reference_.tensor("logits_last8")) {
      const int64_t rows = last->dim() == 3 ? std::min(last->size(1), logits.size(1)) : logits.size(1);
      const int64_t start = logits.size(1) - rows;
      report_.stages.push_back(compare_close("logits_last8", logits.narrow(1, start, rows), *last,
                                             mask.narrow(1, start, rows), options_.tolerance));
    } else {
      report_.skipped.emplace_back("logits");
    }
  }

  void check_cached_steps(const Prepared& prepared, int64_t vocabulary) {
    const auto reference = reference_.tensor("greedy_step_logits");
    const auto ids = reference_.tensor("greedy_ids");
    if (!reference || !ids) {
      report_.skipped.emplace_back("greedy_step_logits");
      return;
    }
    if (reference->dim() != 3 || ids->dim() != 2 || ids->size(0) != prepared.batch.ids.size(0) ||
        ids->size(1) < reference->size(1)) {
      throw Error(cat("greedy_step_logits ", reference->sizes(), " and greedy_ids ", ids->sizes(),
                      " don't belong to ", prepared.batch.ids.size(0), " prompts"));
    }
    if (reference->size(1) == 0)
      throw Error(
          cat(quoted(report_.reference), ": greedy_step_logits ", reference->sizes(), "  has no step"));
    const at::Tensor strange = ids->masked_select((*ids < 0).logical_or(*ids >= vocabulary));
    if (strange.numel() > 0) {
      throw Error(cat(quoted(report_.reference), " is of another model: greedy_ids holds ",
                      strange[0].item().toLong(), ", the config's model has ", vocabulary, " ids"));
    }
    const auto steps = session_.parts().start(prepared, 1, reference->size(1) + 1);
    steps->prefill();
    std::vector<at::Tensor> ours;
    for (int64_t step = 0; step < reference->size(1); ++step) {
      ours.push_back(steps->step(ids->select(1, step).contiguous()).unsqueeze(1));
    }
    // A row's logits after its end token belong to padding, so they are not compared.
    const at::Tensor mask = alive(*ids).narrow(1, 0, reference->size(1));
    report_.stages.push_back(
        compare_close("greedy_step_logits", at::cat(ours, 1), *reference, mask, options_.tolerance));
  }

  // A dump may also have the reference's class and register tokens, which precede the patches.
  static at::Tensor without_prefix(const at::Tensor& features, int64_t patches) {
    constexpr int64_t kMostPrefixTokens = 8;
    const int64_t prefix = features.dim() == 3 ? features.size(1) - patches : 0;
    const bool has_prefix = prefix > 0 && prefix <= kMostPrefixTokens;
    return has_prefix ? features.narrow(1, prefix, patches) : features;
  }

  // [B,W] bool: true where no end token has occurred yet, including this position.
  at::Tensor alive(const at::Tensor& ids) const {
    at::Tensor ended = at::zeros_like(ids);
    for (const int64_t id : stop_ids(session_.config().generation, session_.model().tokenizer()))
      ended += (ids == id).to(at::kLong);
    return ended.cumsum(1) == 0;
  }

  void check_generation(const Prepared& prepared, const std::string& ids_name, const std::string& key,
                        int64_t beams, double length_penalty) {
    const auto reference = reference_.tensor(ids_name);
    if (!reference) {
      report_.skipped.push_back(ids_name);
      return;
    }
    GenerationParams params = session_.config().generation;
    params.do_sample = false;
    params.num_beams = beams;
    params.length_penalty = length_penalty;
    params.max_new_tokens = reference_.max_new_tokens();
    const auto results = session_.parts().generate(prepared, params);
    add_answer(compare_ids(ids_name, results, *reference, params.pad_token_id));
    for (size_t row = 0; row < results.size(); ++row) {
      const std::string where = cat(key, "[", row, "]");
      if (const auto text = reference_.generated(key, "text", row)) {
        add_answer(compare_text(where + ".text", answer_like(*text, results[row].hypotheses.front()), *text));
      }
      if (const auto answer = reference_.generated(key, "answer", row)) {
        const Answer ours = session_.task_head().answer(results[row]);
        add_answer(compare_text(where + ".answer", ours.front().second, *answer));
      }
    }
  }

  // Some references keep the special tokens in a text, except for the end.
  std::string answer_like(const std::string& reference, const Hypothesis& ours) const {
    const auto stops = stop_ids(session_.config().generation, session_.model().tokenizer());
    const auto end = std::find_first_of(ours.ids.begin(), ours.ids.end(), stops.begin(), stops.end());
    const std::string whole =
        text_of({ours.ids.begin(), end}, session_.model().tokenizer(), /*skip_special_tokens=*/false);
    return whole == reference ? whole : ours.text;
  }

  void add_answer(StageCheck check) {
    if (!check.passed && !options_.judge_answers) {
      check.passed = true;
      check.compared = false;
      check.note += " (not judged at this dtype)";
    }
    report_.stages.push_back(std::move(check));
  }

  std::vector<int64_t> pictures_;  // places in the batch, of `places_`
  int64_t places_ = 0;
  const Session& session_;
  const ReferenceCase& reference_;
  const VerifyOptions& options_;
  VerifyReport& report_;
};

}  // namespace

VerifyOptions VerifyOptions::of(at::ScalarType dtype) {
  if (dtype == at::kBFloat16) return {5e-2, false};
  if (dtype == at::kHalf) return {1e-2, false};
  return {};
}

VerifyReport verify(const Session& session, const std::filesystem::path& reference) {
  return verify(session, reference, VerifyOptions::of(session.model().dtype()));
}

VerifyReport verify(const Session& session, const std::filesystem::path& reference,
                    const VerifyOptions& options) {
  const c10::InferenceMode inference;
  const ThreadCount computing(session.options().threads);
  VerifyReport report;
  report.reference = reference.string();
  const ReferenceCase stored = ReferenceCase::open(reference);
  with_device_memory([&] { Verification(session, stored, options, report).run(); });
  if (report.stages.empty()) {
    throw Error(cat(quoted(report.reference),
                    " holds no stage that could be compared (see docs/verify.md for the names)"));
  }
  return report;
}

}  // namespace flam
