// Out-of-line destructors, so that each vtable is emitted once.
#include <algorithm>

#include "framework/component/adapter.h"
#include "framework/component/dataset.h"
#include "framework/component/language_decoder.h"
#include "framework/component/media_layout.h"
#include "framework/component/metric.h"
#include "framework/component/optimizer.h"
#include "framework/component/resampler.h"
#include "framework/component/step_graph.h"
#include "framework/component/task_head.h"
#include "framework/component/tokenizer.h"
#include "framework/component/transform.h"
#include "framework/component/vision_backbone.h"

namespace flam {

Probe::~Probe() = default;
Transform::~Transform() = default;
Pixels Transform::augment(const Pixels& pixels, Random&) const {
  return apply(pixels);
}
MediaLayout::~MediaLayout() = default;
int64_t MediaLayout::tile_slots() const {
  return 1;
}
bool MediaLayout::separates_frames() const {
  return false;
}
std::string MediaLayout::video_text(const Part&) const {
  throw RunError("this media_layout does not separate the frames of a video");
}
VisionBackbone::~VisionBackbone() = default;
Resampler::~Resampler() = default;
LanguageDecoder::~LanguageDecoder() = default;
AdapterState::~AdapterState() = default;
std::optional<std::vector<at::Tensor>> AdapterState::tensors() const {
  return std::nullopt;
}
Adapter::~Adapter() = default;
Sequence Adapter::embed(Sequence sequence, const AdapterState&) const {
  return sequence;
}
std::unique_ptr<AdapterState> Adapter::join(const AdapterState&, const AdapterState&) const {
  return nullptr;
}
std::optional<RequiredMediaWidth> Adapter::required_media_width() const {
  return std::nullopt;
}
StepGraph::~StepGraph() = default;
StepGraphs::~StepGraphs() = default;
Tokenizer::~Tokenizer() = default;
size_t Tokenizer::unsettled_ids(const std::vector<int64_t>&) const {
  return 0;
}
TaskHead::~TaskHead() = default;
Dataset::~Dataset() = default;
int64_t Dataset::skipped() const {
  return 0;
}
std::vector<int64_t> Dataset::patch_label_classes() const {
  return {};
}
std::vector<int64_t> Dataset::media_label_classes() const {
  return {};
}
std::vector<std::string> Dataset::class_names() const {
  return {};
}
Metric::Accumulator::~Accumulator() = default;
Metric::Scores Metric::Accumulator::scores_of(const std::vector<int64_t>&) const {
  return {};
}
Metric::~Metric() = default;
Optimizer::~Optimizer() = default;

namespace {
const std::vector<NamingTable> kNoTables;
}
const std::vector<NamingTable>& VisionBackbone::naming_tables() const {
  return kNoTables;
}
const std::vector<NamingTable>& Resampler::naming_tables() const {
  return kNoTables;
}
const std::vector<NamingTable>& LanguageDecoder::naming_tables() const {
  return kNoTables;
}
const std::vector<NamingTable>& Adapter::naming_tables() const {
  return kNoTables;
}

Dataset::Input Dataset::Input::of(const TaskHead& head) {
  return {head.needs_question(), head.takes_candidates(), {}, {}, {}};
}

bool TaskHead::takes_candidates() const {
  return false;
}

bool TaskHead::takes_messages() const {
  return false;
}

std::string TaskHead::settled(const std::string&) const {
  return "";
}

size_t best_candidate(const Result& result) {
  const auto best =
      std::max_element(result.candidates.begin(), result.candidates.end(),
                       [](const Candidate& a, const Candidate& b) { return a.score < b.score; });
  return static_cast<size_t>(best - result.candidates.begin());
}

const Prompt& prompt_of(const Task& task) {
  return std::visit([](const auto& of) -> const Prompt& { return of.prompt; }, task);
}

Prompt without_media(Prompt prompt, std::string_view marker, size_t first) {
  const std::vector<size_t> places = prompt.text.find_all(marker);
  for (size_t i = places.size(); i > first; --i) {  // from the end, so that earlier positions stay valid
    const size_t begin = places[i - 1], end = begin + marker.size();
    prompt.text = prompt.text.slice(0, begin) + prompt.text.slice(end, prompt.text.str().size());
  }
  prompt.media.resize(std::min(prompt.media.size(), first));
  return prompt;
}

const char* role_name(Message::Role role) {
  switch (role) {
    case Message::Role::system:
      return "system";
    case Message::Role::user:
      return "user";
    case Message::Role::assistant:
      return "assistant";
  }
  return "";
}

const char* finish_reason_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::length:
      return "length";
    case FinishReason::stop_token:
      return "stop_token";
    case FinishReason::stop_string:
      return "stop_string";
    case FinishReason::cancelled:
      return "cancelled";
  }
  return "";
}

void GenerationParams::visit(ParamVisitor& v) {
  v("num_beams", num_beams, "beams kept; 1 is greedy search or sampling", between(1, 64));
  v("max_new_tokens", max_new_tokens, "most new tokens", between(1, kMostOfASize));
  v("min_new_tokens", min_new_tokens, "fewest new tokens; no end token is chosen before",
    between(0, kMostOfASize));
  v("length_penalty", length_penalty, "a beam's score is its log-probability / length^length_penalty",
    between(-100, 100));
  v("beam_length", beam_length,
    "what that length counts: generated tokens only (Hugging Face since 4.34), the prompt's tokens too, or "
    "also "
    "padding (Hugging Face up to 4.31); with the last, an answer depends on its batch",
    choices("generated", "with_prompt", "with_padded_prompt"));
  v("early_stopping", early_stopping, "stop a beam search as soon as num_beams sequences have ended");
  v("n_best", n_best,
    "sequences returned: the best of a beam search, at most num_beams, or so many independent samples",
    between(1, 64));
  v("repetition_penalty", repetition_penalty,
    "divides positive and multiplies negative logits of ids that occurred", more_than(0));
  v("no_repeat_ngram_size", no_repeat_ngram_size, "no n-gram of this length occurs twice; 0: off",
    at_least(0));
  v("do_sample", do_sample, "draw the next id instead of taking the best");
  v("temperature", temperature, "sampling divides the logits by this", at_least(1e-6));
  v("top_k", top_k, "sample among the k best; 0: all", at_least(0));
  v("top_p", top_p, "sample among the best that together reach this probability", between(0, 1));
  v("seed", seed, "seed of the sampling");
  v("stop_tokens", stop_tokens, "tokens that end a sequence");
  v("stop_strings", stop_strings, "texts that end a sequence; the answer is cut before them");
  v("pad_token_id", pad_token_id, "token that fills rows that have ended", at_least(0));
  v("when_too_long", when_too_long,
    "what happens to a prompt that does not fit the decoder's context with max_new_tokens: it is refused, or "
    "its "
    "oldest shots are left out; the query is never cut",
    choices("error", "drop_shots"));
  v("suppress_padded_vocab", suppress_padded_vocab,
    "never choose rows of the output matrix beyond the tokenizer's tokens (padding); false: allow it, as a "
    "reference does that does not know of them");
}

}  // namespace flam
