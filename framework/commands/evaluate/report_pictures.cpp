#include "framework/commands/evaluate/report_pictures.h"

#include "framework/media/decode.h"
#include "framework/media/encode.h"
#include "framework/model/checked.h"
#include "framework/recipe/picture_config.h"

namespace flam {

namespace {
constexpr int64_t kSide = 320;  // pixels, twice what the page shows
}  // namespace

ReportPictures::ReportPictures(const StoredResults& results, Registry& registry) {
  try {
    open(results, registry);
  } catch (const Error& error) {
    problem_ = error.what();
  }
}

void ReportPictures::open(const StoredResults& results, Registry& registry) {
  const Value& config = results.config();
  ErrorList errors;
  const auto parse = [&](const char* kind) {
    const Value* node = config.find(kind);
    return node ? registry.parse(kind, *node, errors) : ComponentConfig();
  };
  const ComponentConfig head = parse("task_head"), dataset = parse("dataset");
  if (const Value* pictures = config.find("pictures")) options_ = parse_pictures(*pictures, errors);
  errors.throw_if_any();
  // The head only says what the dataset should provide, so the tokens do not matter.
  const auto task_head = build_checked<TaskHead>(registry, head, {"<image>", "<|endofchunk|>"});
  Dataset::Input input = Dataset::Input::of(*task_head);
  const auto& evaluation = results.receipt()["evaluation"];
  if (evaluation.contains("seed")) input.seed = evaluation["seed"].get<int64_t>();
  dataset_ = build_checked<Dataset>(registry, dataset, input);
}

std::string ReportPictures::of(int64_t index, const std::string& id) const {
  if (!dataset_ || index >= dataset_->size()) return "";
  try {
    const Record record = dataset_->at(index);
    if (record.request.id != id) return "";
    const PictureSource* last = nullptr;
    for (const Part& part : record.request.parts)
      if (!part.pictures.empty()) last = &part.pictures.front();
    if (!last || last->features.defined()) return "";
    return encode_thumbnail(load_picture(*last, options_), kSide);
  } catch (const Error&) {
    return "";  // a picture that can't be read is shown as missing
  }
}

}  // namespace flam
