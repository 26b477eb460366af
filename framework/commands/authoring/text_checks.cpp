// Checks for tokenizers, task heads, datasets and metrics.
#include <ATen/ops/full.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "framework/base/text.h"
#include "framework/commands/authoring/checks.h"
#include "framework/component/metric.h"
#include "framework/component/task_head.h"
#include "framework/component/tokenizer.h"
#include "framework/session/session.h"

namespace flam {

namespace {

constexpr const char* kTexts[] = {"", "a red circle", "What is it? <image>Output:", "\xc3\xa4 \xff\x01 \n",
                                  "<image>"};

template <class Slot>
std::unique_ptr<Slot> build(const Specimen& specimen, const typename Slot::Input& input = {}) {
  return specimen.registry.build<Slot>(specimen.parse(specimen.node()), input);
}

int64_t vocabulary_of(const Specimen& specimen) {
  const Value own = specimen.parse(specimen.node()).resolved();
  if (const Value* size = own.find("vocab_size"); size && size->is_int()) return size->as_int();
  const Value* model = specimen.config.find("model");
  const Value* decoder = model ? model->find("language_decoder") : nullptr;
  const Value* size = decoder ? decoder->find("vocab_size") : nullptr;
  return size && size->is_int() ? size->as_int() : 32000;
}

/// The tokenizer with its file loaded. Null if it can't be loaded; `finding` then has the reason.
std::unique_ptr<Tokenizer> open_tokenizer(const Specimen& specimen, Finding& finding) {
  auto tokenizer = build<Tokenizer>(specimen, {vocabulary_of(specimen)});
  std::string root;
  ErrorList errors;
  if (const Value* weights = specimen.config.find("weights"))
    root = WeightsConfig::parse(*weights, errors).root;
  try {
    tokenizer->load(root);
  } catch (const Error& error) {
    finding = {cat("not run: ", error.what()), true};
    return nullptr;
  }
  return tokenizer;
}

Finding check_tokenizer_built(const Specimen& specimen) {
  const int64_t size = vocabulary_of(specimen);
  const auto tokenizer = build<Tokenizer>(specimen, {size});
  if (tokenizer->base_size() != size)
    throw Error(cat("base_size() is ", tokenizer->base_size(), " for a decoder with ", size, " tokens"));
  const size_t added = tokenizer->added_tokens().size();
  return {cat(size, " tokens and ", added, " added ones, which are known without its file")};
}

Finding check_ids(const Specimen& specimen) {
  Finding finding;
  const auto tokenizer = open_tokenizer(specimen, finding);
  if (!tokenizer) return finding;
  const auto& added = tokenizer->added_tokens();
  const int64_t base = tokenizer->base_size(), size = base + static_cast<int64_t>(added.size());
  if (!tokenizer->token_id(tokenizer->image_token()))
    throw Error(cat("image_token() ", quoted(tokenizer->image_token()), " is none of its tokens"));
  for (size_t i = 0; i < added.size(); ++i) {
    const int64_t id = base + static_cast<int64_t>(i);
    if (tokenizer->token_id(added[i]) != id) throw Error(cat("token_id(", quoted(added[i]), ") is not ", id));
    if (tokenizer->encode(template_text(added[i]), false) != std::vector<int64_t>{id})
      throw Error(cat("the added token ", quoted(added[i]), " is not encoded as the one id ", id));
  }
  for (const int64_t id : {tokenizer->bos_id(), tokenizer->eos_id(), tokenizer->pad_id()}) {
    if (id < 0 || id >= size) throw Error(cat("a special id is ", id, ", outside [0, ", size, ")"));
  }
  for (const char* text : kTexts) {
    const auto ids = tokenizer->encode(template_text(text), true);
    if (ids != tokenizer->encode(template_text(text), true))
      throw Error(cat("encodes ", quoted(text), " differently in a second call"));
    for (const int64_t id : ids) {
      if (id < 0 || id >= size)
        throw Error(cat("encodes ", quoted(text), " with the id ", id, ", outside [0, ", size, ")"));
    }
    tokenizer->decode(ids, true);
  }
  return {"each added token is one id, and all ids are below the decoder's number of rows"};
}

// The user's text must be encoded as plain text, even if it contains the name of a token.
Finding check_literal_ids(const Specimen& specimen) {
  Finding finding;
  const auto tokenizer = open_tokenizer(specimen, finding);
  if (!tokenizer) return finding;
  const MarkedText before = template_text("Question:"), behind = template_text(" Answer:");
  for (const char* text : {"What is it?", " a red circle ", "\xc3\xa4"}) {
    const MarkedText marked = before + literal_text(text) + behind;
    if (tokenizer->encode(marked, true) != tokenizer->encode(template_text(marked.str()), true))
      throw Error(
          cat("encodes ", quoted(text), ", which is not the name of a token, differently as literal text"));
  }
  const int64_t base = tokenizer->base_size();
  std::vector<std::string> names = tokenizer->added_tokens();
  const std::set<int64_t> control = {tokenizer->bos_id(), tokenizer->eos_id(), tokenizer->pad_id()};
  for (const int64_t id : control) names.push_back(tokenizer->decode({id}, false));
  for (const std::string& name : names) {
    if (name.size() < 2) continue;  // the name of a one-character token is plain text
    for (const int64_t id : tokenizer->encode(before + literal_text(name) + behind, false)) {
      if (id >= base || control.contains(id))
        throw Error(cat("reads ", quoted(name), " in literal text as a token: it gives the id ", id));
    }
  }
  return {"names of tokens in the user's text are plain text"};
}

Finding check_tokenizer_threads(const Specimen& specimen) {
  Finding finding;
  const auto tokenizer = open_tokenizer(specimen, finding);
  if (!tokenizer) return finding;
  const auto round = [&](int64_t i) {
    const auto ids = tokenizer->encode(template_text(cat("text ", i, " <image> of a thread")), true);
    return tokenizer->decode(ids, false);
  };
  std::vector<std::string> expected;
  for (int64_t i = 0; i < 4; ++i) expected.push_back(round(i));
  at_once([&](int64_t i) {
    if (round(i) != expected[i]) throw Error("gives another text when other threads use it at the same time");
  });
  return {"4 threads at once get the same results as alone"};
}

Request typical_request(const TaskHead& head) {
  Request request;
  PictureSource picture;
  picture.picture = Picture{at::full({8, 8, 3}, 100, at::kByte)};
  request.parts.push_back({Part::Kind::image, "", {picture}});
  request.candidates = {"a red circle", "a blue square"};  // for heads that choose
  if (head.needs_question()) request.parts.push_back({Part::Kind::text, "What is it?", {}});
  return request;
}

const TaskHead::Input kHeadInput{"<image>", "<|endofchunk|>"};

Finding check_prompt(const Specimen& specimen) {
  const auto head = build<TaskHead>(specimen, kHeadInput);
  const Task task = head->task(typical_request(*head));
  const auto* score = std::get_if<Score>(&task);
  if (score && score->candidates.empty()) throw Error("gives a scoring task without candidates");
  const Prompt& prompt = prompt_of(task);
  const size_t markers = prompt.text.find_all(kHeadInput.image_token).size();
  if (markers != prompt.media.size())
    throw Error(
        cat("gives a prompt with ", markers, " media markers for ", prompt.media.size(), " pictures"));
  return {cat("prompt ", quoted(prompt.text.str()))};
}

// The user's text must be literal text in the prompt and in the target.
Finding check_literal_prompt(const Specimen& specimen) {
  const auto head = build<TaskHead>(specimen, kHeadInput);
  const std::string odd = cat("is ", kHeadInput.image_token, " one?", kHeadInput.end_of_chunk);
  Request request = typical_request(*head);
  const MarkedText plain = prompt_of(head->task(request)).text, target = head->target("yes");
  for (Part& part : request.parts) {
    if (part.kind == Part::Kind::text) part.text = odd;
  }
  const MarkedText asked = prompt_of(head->task(request)).text, answered = head->target(odd);
  for (const std::string& token : {kHeadInput.image_token, kHeadInput.end_of_chunk}) {
    if (asked.find_all(token).size() != plain.find_all(token).size())
      throw Error(cat("a question that contains ", quoted(token), " puts that token into the prompt; ",
                      "build prompts with literal_text()"));
    if (answered.find_all(token).size() != target.find_all(token).size())
      throw Error(cat("an answer that contains ", quoted(token), " puts that token into target(); ",
                      "build it with literal_text()"));
  }
  return {"names of tokens in the user's text are plain text"};
}

Finding check_answer(const Specimen& specimen) {
  const auto head = build<TaskHead>(specimen, kHeadInput);
  Result result;
  result.hypotheses.emplace_back().text = "a red circle";
  result.candidates = {{"a red circle", -1, -1, 1}};
  const Answer answer = head->answer(result);
  for (const auto& [field, text] : answer) {
    if (field == head->answer_field()) return {cat(field, " ", quoted(text))};
  }
  throw Error(cat("its answer has no field ", quoted(head->answer_field()),
                  ", the name that answer_field() returns"));
}

Finding check_settled(const Specimen& specimen) {
  const auto head = build<TaskHead>(specimen, kHeadInput);
  const std::string text = " a red circle. Question:What is it? Output:a \"blue\" square \n";
  Result result;
  result.hypotheses.emplace_back().text = text;
  result.candidates = {{"a red circle", -1, -1, 1}};
  const std::string answer = head->answer(result).at(0).second;
  for (size_t length = 0; length <= text.size(); ++length) {
    const std::string beginning = text.substr(0, length), settled = head->settled(beginning);
    if (!answer.starts_with(settled)) {
      throw Error(cat("settled(", quoted(beginning), ") is ", quoted(settled),
                      ", but the answer to the whole text is ", quoted(answer)));
    }
  }
  return {"the results of settled() are prefixes of the answer"};
}

Finding check_odd_requests(const Specimen& specimen) {
  const auto head = build<TaskHead>(specimen, kHeadInput);
  const Part text{Part::Kind::text, "text", {}}, image = typical_request(*head).parts[0];
  const std::vector<std::vector<Part>> odd = {{}, {text}, {text, image}, {image, image, text, text}};
  for (const std::vector<Part>& parts : odd) {
    try {
      head->task(Request{parts, "", ""});
    } catch (const Error&) {  // this is the correct reaction
    }
  }
  return {"unusual requests are answered, or rejected with flam::Error"};
}

/// Builds the dataset for the config's task head, if it has one.
std::unique_ptr<Dataset> open_dataset(const Specimen& specimen) {
  const Value* node = specimen.config.find("task_head");
  if (!node) return build<Dataset>(specimen, {});
  const auto registry = open_registry(specimen.options.plugin_path);
  ErrorList errors;
  const ComponentConfig config = registry->parse("task_head", *node, errors);
  errors.throw_if_any();
  return build<Dataset>(specimen, Dataset::Input::of(*registry->build<TaskHead>(config, kHeadInput)));
}

std::string text_of(const Record& record) {
  std::string text = cat(record.request.id, "|", record.kind, "|", join(record.references, "|"));
  for (const Part& part : record.request.parts) {
    text += "|" + part.text;
    for (const PictureSource& picture : part.pictures)
      text += "|" + picture.path + (picture.picture ? content_key(*picture.picture) : "") +
              (picture.features.defined() ? features_key(picture.features) : "");
  }
  return text;
}

Finding check_records(const Specimen& specimen) {
  const auto dataset = open_dataset(specimen);
  const int64_t size = dataset->size();
  if (size <= 0) throw Error(cat("holds ", size, " records"));
  for (const int64_t index : std::set<int64_t>{0, size / 2, size - 1}) {
    const Record record = dataset->at(index);
    if (record.request.parts.empty()) throw Error(cat("record ", index, " has a request without parts"));
    if (text_of(record) != text_of(dataset->at(index)))
      throw Error(cat("record ", index, " differs when it is read a second time"));
  }
  return {cat(size, " records, the same each time")};
}

Finding check_dataset_threads(const Specimen& specimen) {
  const auto dataset = open_dataset(specimen);
  if (dataset->size() == 0) return {"the dataset is empty"};
  const auto record = [&](int64_t i) { return text_of(dataset->at(i % dataset->size())); };
  std::vector<std::string> expected;
  for (int64_t i = 0; i < 4; ++i) expected.push_back(record(i));
  at_once([&](int64_t i) {
    if (record(i) != expected[i])
      throw Error("gives another record when other threads use it at the same time");
  });
  return {"4 threads at once get the same results as alone"};
}

/// Up to three records of the config's dataset, or a simple record if the config has none.
std::vector<Record> some_records(const Specimen& specimen) {
  std::vector<Record> records(1);
  records[0].references = {"a red circle", "a circle"};
  const Value* node = specimen.config.find("dataset");
  if (!node) return records;
  const auto registry = open_registry(specimen.options.plugin_path);
  ErrorList errors;
  const ComponentConfig config = registry->parse("dataset", *node, errors);
  errors.throw_if_any();
  const auto dataset = registry->build<Dataset>(config, {.limit = 3});
  records.clear();
  for (int64_t i = 0; i < std::min<int64_t>(3, dataset->size()); ++i) records.push_back(dataset->at(i));
  return records;
}

/// The record's first reference, ranked above another candidate.
Prediction correct_answer(const Record& record) {
  const std::string text = record.references.empty() ? "" : record.references.front();
  return {text, {{text, -1, -1, 0.75}, {text + " not", -2, -2, 0.25}}};
}

Finding check_scores(const Specimen& specimen) {
  const auto metric = build<Metric>(specimen);
  const auto records = some_records(specimen);
  const auto run = [&] {
    const auto accumulator = metric->start();
    accumulator->scores();  // must also work without records
    for (const Record& record : records) accumulator->add(record, correct_answer(record));
    // Once more from a selection that holds every record; few metrics score selections.
    std::vector<int64_t> all(records.size());
    std::iota(all.begin(), all.end(), 0);
    const Metric::Scores selected = accumulator->scores_of(all);
    Metric::Scores scores = accumulator->scores();
    if (!selected.empty() && selected != scores)
      throw Error("gives other scores from scores_of() for all records than from scores()");
    return scores;
  };
  const Metric::Scores scores = run();
  if (scores.empty()) throw Error("gives no scores");
  std::vector<std::string> shown;
  for (const auto& [name, value] : scores) {
    if (!std::isfinite(value)) throw Error(cat("the score ", quoted(name), " is ", value));
    shown.push_back(cat(name, " ", value));
  }
  if (run() != scores) throw Error("gives different scores in a second run over the same records");
  at_once([&](int64_t) {
    if (run() != scores) throw Error("gives different scores when other threads use it at the same time");
  });
  return {cat("for ", records.size(), " correct answers: ", join(shown, ", "))};
}

}  // namespace

std::vector<Check> tokenizer_checks() {
  return {{"built", check_tokenizer_built},
          {"ids", check_ids},
          {"literal", check_literal_ids},
          {"threads", check_tokenizer_threads}};
}
std::vector<Check> task_head_checks() {
  return {{"prompt", check_prompt},
          {"literal", check_literal_prompt},
          {"answer", check_answer},
          {"settled", check_settled},
          {"odd requests", check_odd_requests}};
}
std::vector<Check> dataset_checks() {
  return {{"records", check_records}, {"threads", check_dataset_threads}};
}
std::vector<Check> metric_checks() {
  return {{"scores", check_scores}};
}

}  // namespace flam
