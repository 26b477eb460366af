#include "framework/recipe/shots_config.h"

#include "framework/base/text.h"

namespace flam {

void ShotsConfig::visit(ParamVisitor& v) {
  v("dataset", dataset, "the records that examples are taken from; the first reference is the answer",
    required());
  v("num_shots", num_shots, "examples before each query, unless --shots gives a number", at_least(0));
  v("selection", selection,
    "how examples are chosen; random: anew for each query, from `seed`; same_kind: in the same way, among "
    "the records of the query's kind of question; similar: those whose pictures are most like the query's, "
    "the most similar one last (RICES); fixed: the same for all queries, drawn once from `seed`, so that the "
    "model reads them once",
    choices("random", "same_kind", "similar", "fixed"));
  v("seed", seed, "seed of the selections random, same_kind and fixed");
  v("index", index,
    "file in which the vectors of the pictures are kept for `similar`, relative to the current folder; "
    "empty: "
    "they are computed for each run");
  v("overlap", overlap,
    "what happens if a query has the id or the picture of one of these records: error, exclude (such a "
    "record is never an example of that query, and with `fixed` of none), allow",
    choices("error", "exclude", "allow"));
  v("answer_forms", answer_forms,
    "forms of answers, such as 'it is {answer}', of which one is drawn for each query from `seed`; the "
    "answers "
    "of its examples and its references are written in that form, so that the examples show how to answer. A "
    "form that is listed twice is drawn twice as often");
}

ShotsConfig ShotsConfig::parse(const Value& node, Registry& registry, ErrorList& errors) {
  ShotsConfig config;
  read_params(ParamsRef(config), node, "`shots`", {}, errors);
  if (const Value* dataset = node.find("dataset"))
    config.source = registry.parse("dataset", *dataset, errors);
  if (config.answer_forms.empty())
    errors.add(node.where(), "`answer_forms` is empty; the form of plain answers is '{answer}'");
  for (const std::string& form : config.answer_forms) {
    const size_t place = form.find("{answer}");
    if (place == std::string::npos || form.find("{answer}", place + 1) != std::string::npos)
      errors.add(node.where(), cat("`answer_forms`: ", quoted(form), " must have {answer} once"));
  }
  return config;
}

Value ShotsConfig::resolved() const {
  ShotsConfig copy = *this;
  Value out = write_params(ParamsRef(copy));
  if (source) out.set("dataset", source.resolved());
  return out;
}

}  // namespace flam
