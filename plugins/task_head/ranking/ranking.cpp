// task_heads 'ranking' and 'classification': the answer is the likeliest of a closed set (Alayrac et al.
// 2022, appendix B, close-ended tasks; open-flamingo 2.0.1, eval/eval_model.py, get_rank_classifications).

#include <algorithm>
#include <unordered_set>

#include "framework/sdk.h"

namespace flam {
namespace {

struct RankingParams : PromptTemplates {
  std::vector<std::string> candidates;
  Score::LengthNormalization length_normalization = Score::LengthNormalization::mean;
  bool score_end = false;
  bool calibrate = false;

  RankingParams() {
    shot_prompt = "<image>Question:{question} Short Answer:{answer}<|endofchunk|>";
    final_prompt = "<image>Question:{question} Short Answer:";
  }

  void visit(ParamVisitor& v) {
    PromptTemplates::visit(v);
    v("candidates", candidates, "the answers to choose from, where a request doesn't bring its own");
    v("length_normalization", length_normalization,
      "a candidate's log-likelihood is the sum over its tokens, or their mean", choices("sum", "mean"));
    v("score_end", score_end,
      "whether the end token is scored behind each candidate, so that 'red' differs from "
      "the start of 'red circle'");
    v("calibrate", calibrate,
      "subtract the candidate's log-likelihood behind the same prompt without any picture");
  }
};

struct ClassificationParams : RankingParams {
  ClassificationParams() {
    shot_prompt = "<image>Output:{class}<|endofchunk|>";
    final_prompt = "<image>Output:";
  }
};

class Ranking : public TaskHead {
 public:
  Ranking(const RankingParams& params, const Input& in, const std::vector<std::string>& fields,
          const char* answer_field)
      : prompting_(PromptingParams{params, {}, {}, false}, in, fields),
        params_(params),
        in_(in),
        answer_field_(answer_field),
        needs_question_(fields.size() > 1) {
    if (!params.candidates.empty()) check(params.candidates);
  }

  Task task(const Request& request) const override {
    Score score{prompting_.prompt(request),
                request.candidates,
                params_.score_end ? in_.end_of_chunk : "",
                params_.length_normalization,
                {}};
    if (score.candidates.empty()) {
      score.candidates = params_.candidates;
    } else {
      check(score.candidates);
    }
    if (score.candidates.empty()) {
      throw Error(
          "there are no candidates to choose from; list them as task_head.candidates in the config, as "
          "`candidates` in the request, or with --candidate");
    }
    if (params_.calibrate) score.calibration = without_media(score.prompt, in_.image_token);
    return score;
  }

  MarkedText target(const std::string& answer) const override { return prompting_.target(answer); }
  Answer answer(const Result& result) const override {
    return {{answer_field_, result.candidates.at(best_candidate(result)).text}};
  }
  const char* answer_field() const override { return answer_field_; }
  bool needs_question() const override { return needs_question_; }
  bool takes_candidates() const override { return params_.candidates.empty(); }

 private:
  void check(const std::vector<std::string>& candidates) const {
    if (candidates.size() == 1) {
      throw Error(cat("there is one candidate, ", quoted(candidates.front()),
                      ", so there is nothing to choose; give at least two"));
    }
    std::unordered_set<std::string> seen;
    for (size_t i = 0; i < candidates.size(); ++i) {
      const std::string& text = candidates[i];
      if (text.find_first_not_of(" \t\n\r\v\f") == std::string::npos)
        throw Error(cat("candidate ", i + 1, " is empty"));
      if (!seen.insert(text).second) throw Error(cat("candidate ", quoted(text), " is given twice"));
    }
  }

  Prompting prompting_;
  RankingParams params_;
  Input in_;
  const char* answer_field_;
  bool needs_question_;
};

/// {image}{question}: chooses the candidate that answers the question.
struct QuestionRanking final : Ranking {
  QuestionRanking(const RankingParams& params, const Input& in)
      : Ranking(params, in, {"question", "answer"}, "pred_answer") {}
};

/// {image}: chooses the class that the image shows.
struct Classification final : Ranking {
  Classification(const ClassificationParams& params, const Input& in)
      : Ranking(params, in, {"class"}, "pred_class") {}
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<QuestionRanking, RankingParams>(
      "ranking", "the likeliest of a closed set of answers to a question, from shots or without");
  registrar.add<Classification, ClassificationParams>(
      "classification", "the likeliest of a closed set of classes, from shots or without");
}

}  // namespace flam
