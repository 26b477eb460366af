#include "framework/commands/explain/explain.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <cmath>
#include <numeric>

#include "framework/base/error.h"
#include "framework/base/text.h"
#include "framework/generate/generate.h"
#include "framework/media/decode.h"

namespace flam {

namespace {

double sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

at::Tensor mean_of_layers(const std::map<int64_t, at::Tensor>& layers) {
  at::Tensor total;
  for (const auto& [layer, weights] : layers) total = total.defined() ? total + weights : weights;
  return total / static_cast<double>(layers.size());
}

/// [T,L,F·grid_h·grid_w]: the share of each patch in each media token; rows sum to 1. Undefined if it is not
/// known.
at::Tensor sources_of_media(const Recording& recording, const FeatureShape& shape, int64_t tokens) {
  const int64_t images = recording.media.index.size(1), frames = recording.media.index.size(2);
  const int64_t patches = shape.grid_h * shape.grid_w;
  if (!recording.resampler_attention.empty()) {
    const at::Tensor weights = mean_of_layers(recording.resampler_attention).mean(1);
    if (weights.size(0) != images || weights.size(2) < frames * shape.tokens()) return {};
    const at::Tensor on_patches = weights.narrow(2, 0, frames * shape.tokens())
                                      .view({images, weights.size(1), frames, shape.tokens()})
                                      .narrow(3, shape.prefix_tokens, patches)
                                      .flatten(2, 3);
    return on_patches / on_patches.sum(-1, true).clamp_min(1e-12);
  }
  // Token r·side + c covers the part of the picture at row r, column c.
  const auto side = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(tokens))));
  if (side * side != tokens || side > shape.grid_h || side > shape.grid_w || frames != 1) return {};
  at::Tensor out = at::zeros({tokens, shape.grid_h, shape.grid_w}, at::kFloat);
  for (int64_t row = 0; row < shape.grid_h; ++row) {
    for (int64_t column = 0; column < shape.grid_w; ++column) {
      const int64_t token = row * side / shape.grid_h * side + column * side / shape.grid_w;
      out[token][row][column].fill_(1.0);
    }
  }
  out = out.flatten(1, 2);
  return (out / out.sum(1, true)).unsqueeze(0).expand({images, tokens, patches});
}

/// Distributes one row of attention to media tokens [T·L] over pictures and patches: [T·F,grid_h,grid_w].
at::Tensor on_pictures(const at::Tensor& attention, const at::Tensor& sources, const FeatureShape& shape) {
  const at::Tensor by_token = attention.view({sources.size(0), sources.size(1), 1});
  return (by_token * sources).sum(1).view({-1, shape.grid_h, shape.grid_w});
}

/// Groups the answer's tokens into words. Returns [first, last) of each word, and its text in `texts`.
std::vector<std::pair<size_t, size_t>> words_of(const Tokenizer& tokenizer, std::span<const int64_t> answer,
                                                std::vector<std::string>& texts) {
  std::vector<std::pair<size_t, size_t>> words;
  std::string so_far;
  for (size_t i = 0; i < answer.size(); ++i) {
    const std::string text = text_of({answer.begin(), answer.begin() + i + 1}, tokenizer);
    const std::string piece = text.substr(std::min(so_far.size(), text.size()));
    if (words.empty() || piece.starts_with(' ')) {
      words.emplace_back(i, i + 1);
      texts.push_back(piece);
    } else {
      words.back().second = i + 1;
      texts.back() += piece;
    }
    so_far = text;
  }
  return words;
}

/// Groups the parts of a request by media element, in order.
std::vector<std::vector<Part>> by_media(const Request& request) {
  std::vector<std::vector<Part>> groups;
  for (const Part& part : request.parts) {
    if (part.kind != Part::Kind::text || groups.empty()) groups.emplace_back();
    groups.back().push_back(part);
  }
  return groups;
}

class Explainer {
 public:
  Explainer(const Session& session, const Request& request, const Prompt& prompt, const Outcome& outcome)
      : session_(session), request_(request), prompt_(prompt) {
    if (outcome.error) throw Error(*outcome.error);
    if (outcome.result.hypotheses.empty()) throw Error("there is no generated answer to explain");
    answer_ = outcome.result.hypotheses.front().ids;
  }

  Explanation run() {
    const Recording recording = record_answer(session_, prompt_, answer_);
    out_.prompt = recording.media.texts.front().str();
    out_.answer = text_of(answer_, session_.model().tokenizer());
    out_.logprob = sum(recording.logprobs);
    add_pictures();
    add_words(recording);
    leave_out();
    return std::move(out_);
  }

 private:
  void add_pictures() {
    for (const Part& media : prompt_.media) {
      for (const PictureSource& source : media.pictures)
        add_picture(source, /*may_split=*/media.kind == Part::Kind::image);
    }
  }

  void add_picture(const PictureSource& source, bool may_split) {
    const MediaLayout& layout = session_.model().media_layout();
    const Picture picture = load_picture(source, session_.config().pictures);
    const MediaPlan plan = layout.plan({picture.height(), picture.width()}, may_split);
    int64_t number = 0;
    for (const Picture& crop : layout.crops(picture, plan)) {
      const std::string which = plan.crops > 1 ? cat(", crop ", ++number, " of ", plan.crops) : "";
      out_.pictures.push_back({source.name() + which, session_.transforms().picture(crop)});
    }
  }

  void add_words(const Recording& recording) {
    const FeatureShape shape = session_.model().vision_backbone().shape();
    at::Tensor attention, sources;
    if (recording.adapter_attention.empty()) {
      out_.why_no_looks = "this adapter has no attention to media of its own, so no attention is shown";
    } else {
      attention = mean_of_layers(recording.adapter_attention).mean(0);
      sources = sources_of_media(recording, shape, session_.model().resampler().shape().tokens);
      if (!sources.defined())
        out_.why_no_looks =
            "this resampler's media tokens can't be mapped to patches, so no attention is shown";
      const auto count = static_cast<int64_t>(out_.pictures.size());
      if (sources.defined() && count != recording.media.index.size(1) * recording.media.index.size(2)) {
        out_.why_no_looks = "attention is not shown for videos of different lengths";
        sources = at::Tensor();
      }
    }
    std::vector<std::string> texts;
    const auto words = words_of(session_.model().tokenizer(), answer_, texts);
    for (size_t w = 0; w < words.size(); ++w) {
      SeenWord word{texts[w], 0, {}};
      for (size_t i = words[w].first; i < words[w].second; ++i) {
        word.logprob += recording.logprobs[i];
        if (!sources.defined()) continue;
        // The logits of the previous position chose this token.
        const int64_t row = recording.prompt_tokens + static_cast<int64_t>(i) - 1;
        const at::Tensor looks = on_pictures(attention.select(0, row), sources, shape);
        word.looks = word.looks.defined() ? word.looks + looks : looks;
      }
      if (word.looks.defined())
        word.looks = word.looks / static_cast<double>(words[w].second - words[w].first);
      out_.words.push_back(std::move(word));
    }
  }

  void leave_out() {
    const std::string& marker = session_.model().tokenizer().image_token();
    // A conversation has no shots that could be left out.
    const auto groups = request_.messages.empty() ? by_media(request_) : std::vector<std::vector<Part>>();
    for (size_t left = 0; left + 1 < groups.size(); ++left) {
      Request rest;
      for (size_t g = 0; g < groups.size(); ++g) {
        if (g != left) rest.parts.insert(rest.parts.end(), groups[g].begin(), groups[g].end());
      }
      Prompt prompt;
      try {
        prompt = prompt_of(session_, rest);
      } catch (const Error&) {
        continue;  // the task head may require at least one shot
      }
      add(cat("without shot ", left + 1), prompt);
    }
    if (prompt_.media.empty()) return;
    add("without the last picture", without_media(prompt_, marker, prompt_.media.size() - 1));
    if (prompt_.media.size() < 2) return;
    add("without any picture", without_media(prompt_, marker));
  }

  void add(const std::string& what, const Prompt& prompt) {
    out_.left_out.push_back({what, sum(record_answer(session_, prompt, answer_).logprobs)});
  }

  const Session& session_;
  const Request& request_;
  const Prompt& prompt_;
  std::vector<int64_t> answer_;
  Explanation out_;
};

}  // namespace

Explanation explain(const Session& session, const Request& request, const Prompt& prompt,
                    const Outcome& outcome) {
  const c10::InferenceMode inference;
  return Explainer(session, request, prompt, outcome).run();
}

}  // namespace flam
