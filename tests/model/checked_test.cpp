// Errors name a tokenizer, task head, dataset or metric that breaks its contract, and say what is wrong.
#include "framework/model/checked.h"

#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/scratch.h"

namespace flam {
namespace {
using test::error_of;
using testing::HasSubstr;

constexpr const char* kLibrary = FLAM_FIXTURE_PLUGINS "/text_liars/libflam_text_liars.so";
const TaskHead::Input kHead{"<image>", "<|endofchunk|>"};

template <class Slot>
std::unique_ptr<Slot> liar(const std::string& lie, const typename Slot::Input& in) {
  static Registry registry;
  [[maybe_unused]] static const bool loaded = (registry.load(kLibrary), true);
  Value node = Value::map();
  node.set("type", "liar");
  node.set("lie", lie);
  ErrorList errors;
  const ComponentConfig config = registry.parse(Slot::kKind, node, errors);
  errors.throw_if_any();
  return build_checked<Slot>(registry, config, in);
}

/// Expects act() to throw a RunError "KIND 'liar' WHAT (from LIBRARY)".
void expect_named(const std::string& kind, const std::string& what, const std::function<void()>& act) {
  try {
    act();
    ADD_FAILURE() << "no error; expected: " << what;
  } catch (const RunError& error) {
    EXPECT_EQ(error.what(), kind + " 'liar' " + what + " (from '" + kLibrary + "')");
  }
}

/// Checks how the exceptions of a component are passed on, for every function.
void expect_exceptions(const std::string& kind, const std::string& call,
                       const std::function<void(const std::string& lie)>& act) {
  const std::string fails = "fails in " + call + "(): ";
  expect_named(kind, fails + "no answer today", [&] { act("throws"); });
  expect_named(kind, fails + "throws something that is not a std::exception", [&] { act("throws_int"); });
  expect_named(kind, fails + "the file is gone", [&] { act("fails"); });
  EXPECT_EQ(error_of([&] { act("refuses"); }), "such a question is not answered");
  EXPECT_NO_THROW(act(""));
}

Request one_picture() {
  Request request;
  PictureSource picture;
  picture.picture = Picture{at::full({8, 8, 3}, 40, at::kByte)};
  request.parts.push_back({Part::Kind::image, "", {picture}});
  return request;
}

TEST(Checked, ResultsOfAMediaLayout) {
  const auto of = [](const std::string& lie) { return liar<MediaLayout>(lie, {"<image>", 8}); };
  const Picture picture{at::full({8, 6, 3}, 40, at::kByte)};
  const auto use = [&](const std::string& lie, bool may_split = true) {
    const auto layout = of(lie);
    const MediaPlan plan = layout->plan({8, 6}, may_split);
    layout->crops(picture, plan);
    layout->text(plan);
  };
  expect_exceptions("media_layout", "plan", [&](const std::string& lie) { use(lie); });
  const auto expect = [&](const std::string& lie, const std::string& what, bool may_split = true) {
    expect_named("media_layout", what, [&] { use(lie, may_split); });
  };
  expect("no_crops", "gives 0 from max_crops(); expected at least 1");
  expect("no_slots", "gives 0 from tile_slots(); expected at least 1");
  expect("too_many", "gives a plan of 3 crops from plan() for a picture of 6×8 pixels; expected 1 to 2");
  expect("frames", "gives a plan of 2 crops from plan() for a frame of a video of 6×8 pixels; expected 1",
         false);
  expect("shown", "gives a plan from plan() that says of 1 crops how much of them is shown; it has 2");
  expect("too_few", "gives 1 crops from crops(); its plan has 2");
  expect("undefined", "gives a crop from crops() that is undefined; expected uint8 [h,w,3]");
  expect("floats", "gives a crop from crops() that is Float [8, 6, 3]; expected uint8 [h,w,3]");
  expect("no_marker",
         "gives a text from text() with 0 media markers '<image>'; expected 2, one for each crop");
  expect("markers", "gives a text from text() with 1 media markers '<image>'; expected 2, one for each crop");
}

TEST(Checked, ExceptionsOfATokenizer) {
  const auto of = [](const std::string& lie) { return liar<Tokenizer>(lie, {512}); };
  expect_exceptions("tokenizer", "load", [&](const std::string& lie) { of(lie)->load(""); });
  expect_exceptions("tokenizer", "encode",
                    [&](const std::string& lie) { of(lie)->encode(literal_text("a"), true); });
  expect_exceptions("tokenizer", "decode", [&](const std::string& lie) { of(lie)->decode({5}, true); });
}

TEST(Checked, ResultsOfATokenizer) {
  const auto of = [](const std::string& lie) { return liar<Tokenizer>(lie, {512}); };
  EXPECT_EQ(of("")->encode(template_text("<image>"), true), (std::vector<int64_t>{1, 513}));
  expect_named("tokenizer", "gives 511 from base_size(); the decoder's vocab_size is 512",
               [&] { of("size"); });
  const auto wrong = of("id");
  expect_named("tokenizer", "gives the id 515 from encode(); expected ids from 0 to 514",
               [&] { wrong->encode(literal_text("a"), true); });
  expect_named("tokenizer", "gives the id -1 from token_id(); expected ids from 0 to 514",
               [&] { wrong->token_id("<image>"); });
  expect_named("tokenizer", "gives the id -1 from bos_id(); expected ids from 0 to 514",
               [&] { wrong->bos_id(); });
  expect_named("tokenizer", "gives an empty text from image_token()",
               [&] { of("no_marker")->image_token(); });
}

TEST(Checked, ExceptionsOfATaskHead) {
  const auto of = [](const std::string& lie) { return liar<TaskHead>(lie, kHead); };
  expect_exceptions("task_head", "task", [&](const std::string& lie) { of(lie)->task(one_picture()); });
  expect_exceptions("task_head", "answer", [&](const std::string& lie) { of(lie)->answer({}); });
  expect_exceptions("task_head", "target", [&](const std::string& lie) { of(lie)->target("a"); });
}

TEST(Checked, ResultsOfATaskHead) {
  const auto expect_task = [](const std::string& lie, const std::string& what) {
    expect_named("task_head", what, [&] { liar<TaskHead>(lie, kHead)->task(one_picture()); });
  };
  expect_task("markers",
              "gives a prompt from task() with 2 media markers '<image>' for 1 pictures or videos");
  expect_task("media", "gives a prompt from task() with 1 media markers '<image>' for 0 pictures or videos");
  expect_task("calibration",
              "gives a prompt from task() with 1 media markers '<image>' for 0 pictures or videos");
  expect_task("no_pictures", "gives a prompt from task() with a media element that has no pictures");
  expect_task("no_candidates", "gives a task to score from task() that has no candidates to choose from");
  const auto expect_answer = [](const std::string& lie, const std::string& what) {
    expect_named("task_head", what, [&] { liar<TaskHead>(lie, kHead)->answer({}); });
  };
  expect_answer("empty_answer", "gives an answer without fields from answer()");
  expect_answer("unnamed", "gives a field without a name from answer()");
  expect_answer("twice", "gives the field 'pred' twice from answer()");
  expect_named("task_head", "gives no name from answer_field()",
               [] { liar<TaskHead>("no_field", kHead)->answer_field(); });
}

TEST(Checked, ExceptionsAndResultsOfADataset) {
  const auto at = [](const std::string& lie) { liar<Dataset>(lie, {})->at(1); };
  expect_exceptions("dataset", "at", at);
  const auto expect_record = [&](const std::string& lie, const std::string& what) {
    expect_named("dataset", "gives a record from at(1) " + what, [&] { at(lie); });
  };
  expect_record("no_parts", "whose request has no parts");
  expect_record("no_pictures", "with an image or a video that has no pictures");
  expect_record("no_labels", "whose patch_labels are undefined");
  expect_record("columns",
                "whose patch_labels are Long [4, 3] on cpu; expected int64 on the CPU with 2 columns");
  expect_record("class", "whose patch_labels have the class 5 in column 0 of 5 classes");
  expect_named("dataset", "gives -3 from size(); expected 0 or more",
               [] { liar<Dataset>("size", {})->size(); });
  expect_named("dataset", "gives 0 classes from patch_label_classes(); expected at least 1",
               [] { liar<Dataset>("classes", {}); });
  expect_named("dataset", "gives 1 names from class_names() for 0 classes",
               [] { liar<Dataset>("class_names", {})->class_names(); });
}

TEST(Checked, ExceptionsAndResultsOfAMetric) {
  const auto scores = [](const std::string& lie) {
    const auto metric = liar<Metric>(lie, {});
    const auto accumulator = metric->start();
    accumulator->add({}, {"an answer"});
    return accumulator->scores();
  };
  expect_exceptions("metric", "add", scores);
  EXPECT_THAT(scores(""), testing::ElementsAre(testing::Pair("answered", 1.0)));
  const auto expect = [&](const std::string& lie, const std::string& what) {
    expect_named("metric", what, [&] { scores(lie); });
  };
  expect("no_accumulator", "gives no accumulator from start()");
  expect("nan", "gives nan as the score 'answered' from scores(); expected a finite number");
  expect("infinite", "gives inf as the score 'answered' from scores(); expected a finite number");
  expect("nothing", "gives nothing from scores()");
  expect("unnamed", "gives a score without a name from scores()");
  expect("twice", "gives the score 'answered' twice from scores()");
}

}  // namespace
}  // namespace flam
