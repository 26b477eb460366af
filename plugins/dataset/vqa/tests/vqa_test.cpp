#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/dataset/shared/tests/sample.h"

namespace flam {
namespace {

using test::ids_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kQuestions = "v2_OpenEnded_mscoco_val2014_questions.json";
constexpr const char* kAnnotations = "v2_mscoco_val2014_annotations.json";

class VqaDataset : public testing::Test {
 protected:
  const std::string questions_ = std::string("{type: vqa, images: @val2014, questions: @") + kQuestions;
  const std::string vqav2_ = questions_ + ", annotations: @" + kAnnotations;
  test::Sample sample_{"vqa"};
};

TEST_F(VqaDataset, VqaV2) {
  const auto dataset = sample_.open(vqav2_ + "}");
  ASSERT_THAT(ids_of(*dataset), ElementsAre("42000", "42001", "73000"));
  const Record record = dataset->at(1);
  EXPECT_EQ(sample_.picture(record), "val2014/COCO_val2014_000000000042.jpg");
  EXPECT_EQ(record.request.parts.at(1).text, "What colour is the ground?");
  EXPECT_THAT(record.references, ElementsAre("blue", "navy", "blue", "blue", "blue", "blue", "blue",
                                             "dark blue", "dark blue", "dark blue"));
  EXPECT_EQ(record.kind, "other");
  EXPECT_EQ(record.facts.find("image_id")->as_int(), 42);
  EXPECT_EQ(record.facts.find("question_id")->as_int(), 42001);
  EXPECT_TRUE(record.request.candidates.empty());
  EXPECT_EQ(sample_.open(vqav2_ + ", kind: question_type}")->at(2).kind, "how many");
  EXPECT_EQ(sample_.open(vqav2_ + ", kind: ''}")->at(2).kind, "");
  EXPECT_THAT(
      sample_.error(vqav2_ + ", kind: question_kind}"),
      AllOf(HasSubstr("questions[0]: "), HasSubstr("`question_kind`, which the parameter `kind` names")));
}

TEST_F(VqaDataset, TestSetsHaveNoAnswers) {
  const auto dataset = sample_.open(
      "{type: vqa, images: @test2015, questions: @v2_OpenEnded_mscoco_test-dev2015_questions.json}");
  ASSERT_THAT(ids_of(*dataset), ElementsAre("1000", "1001"));
  EXPECT_EQ(sample_.picture(dataset->at(0)), "test2015/COCO_test2015_000000000001.jpg");
  EXPECT_TRUE(dataset->at(0).references.empty());
  EXPECT_EQ(dataset->at(0).kind, "");
}

TEST_F(VqaDataset, OkVqa) {
  const auto dataset = sample_.open(
      "{type: vqa, images: @val2014, questions: @OpenEnded_mscoco_val2014_questions.json, annotations: "
      "@mscoco_val2014_annotations.json, kind: question_type}");
  ASSERT_THAT(ids_of(*dataset), ElementsAre("425"));
  EXPECT_EQ(dataset->at(0).references.at(0), "japan");
  EXPECT_EQ(dataset->at(0).references.size(), 10u);
  EXPECT_EQ(dataset->at(0).kind, "four");
}

TEST_F(VqaDataset, VizWiz) {
  const auto dataset =
      sample_.open("{type: vqa, format: vizwiz, images: @vizwiz_val, questions: @vizwiz_val.json}");
  ASSERT_THAT(ids_of(*dataset), ElementsAre("VizWiz_val_00000000.jpg", "VizWiz_val_00000001.jpg"));
  EXPECT_EQ(sample_.picture(dataset->at(0)), "vizwiz_val/VizWiz_val_00000000.jpg");
  EXPECT_EQ(dataset->at(0).references.at(0), "unanswerable");
  EXPECT_EQ(dataset->at(0).references.size(), 10u);
  EXPECT_EQ(dataset->at(0).kind, "unanswerable");
  EXPECT_EQ(dataset->at(0).facts.find("image_id")->as_string(), "VizWiz_val_00000000.jpg");
}

TEST_F(VqaDataset, TextVqa) {
  const auto dataset =
      sample_.open("{type: vqa, format: textvqa, images: @train_images, questions: @TextVQA_0.5.1_val.json}");
  ASSERT_THAT(ids_of(*dataset), ElementsAre("34602"));
  const Record record = dataset->at(0);
  EXPECT_EQ(sample_.picture(record), "train_images/003a8ae2ef43b901.jpg");
  EXPECT_EQ(record.facts.find("question_id")->as_int(), 34602);
  EXPECT_EQ(record.facts.find("image_id")->as_string(), "003a8ae2ef43b901");
  EXPECT_EQ(record.references.at(1), "STOP");
}

TEST_F(VqaDataset, Gqa) {
  const auto dataset =
      sample_.open("{type: vqa, format: gqa, images: @images, questions: @val_balanced_questions.json}");
  ASSERT_THAT(ids_of(*dataset), ElementsAre("05451384", "05451385"));
  const Record record = dataset->at(1);
  EXPECT_EQ(sample_.picture(record), "images/2382986.jpg");
  EXPECT_THAT(record.references, ElementsAre("red"));
  EXPECT_EQ(record.kind, "query");
  EXPECT_EQ(record.facts.find("question_id")->as_string(), "05451385");
}

TEST_F(VqaDataset, AOkVqaAnswersDirectlyOrByChoice) {
  const std::string aokvqa = "{type: vqa, format: aokvqa, images: @coco2017, questions: @aokvqa_v1p0_";
  const Record direct = sample_.open(aokvqa + "val.json}")->at(0);
  EXPECT_EQ(sample_.picture(direct), "coco2017/000000461751.jpg");
  EXPECT_EQ(direct.references.size(), 10u);
  EXPECT_EQ(direct.references.at(0), "nothing");
  EXPECT_TRUE(direct.request.candidates.empty());
  const Record chosen = sample_.open(aokvqa + "val.json}", {.with_candidates = true})->at(0);
  EXPECT_THAT(chosen.references, ElementsAre("nothing"));
  EXPECT_THAT(chosen.request.candidates, ElementsAre("another square", "a circle", "nothing", "a star"));
  const Record test = sample_.open(aokvqa + "test.json}", {.with_candidates = true})->at(0);
  EXPECT_TRUE(test.references.empty());
  EXPECT_EQ(test.request.candidates.size(), 4u);
  sample_.replace("aokvqa_v1p0_val.json", "\"correct_choice_idx\": 2", "\"correct_choice_idx\": 4");
  EXPECT_THAT(sample_.error(aokvqa + "val.json}", {.with_candidates = true}),
              HasSubstr("record 1: `correct_choice_idx` is 4; expected 0 to 3, as there are 4 `choices`"));
}

TEST_F(VqaDataset, PicturesMayHaveOtherNames) {
  std::filesystem::rename(sample_ / "val2014/COCO_val2014_000000000042.jpg", sample_ / "val2014/42.jpg");
  std::filesystem::rename(sample_ / "val2014/COCO_val2014_000000000073.jpg", sample_ / "val2014/73.jpg");
  EXPECT_EQ(sample_.picture(sample_.open(vqav2_ + ", image_name: '{image_id}.jpg'}")->at(0)),
            "val2014/42.jpg");
  EXPECT_THAT(sample_.error(vqav2_ + ", image_name: '{id}.jpg'}"),
              HasSubstr("the pattern '{id}.jpg' has the unknown name 'id'; expected text with {image_id}"));
  EXPECT_THAT(sample_.error(vqav2_ + ", image_name: '{image_id:x}.jpg'}"), HasSubstr("has the width 'x'"));
  EXPECT_THAT(sample_.error(vqav2_ + ", image_name: '{image_id'}"), HasSubstr("has a { without a }"));
  sample_.replace(kQuestions, "data_subtype", "subtype");
  EXPECT_THAT(sample_.error(vqav2_ + "}"), HasSubstr("has no `data_subtype`"));
  EXPECT_EQ(sample_.error(vqav2_ + ", image_name: '{image_id}.jpg'}"), "");
}

TEST_F(VqaDataset, FilesOfAnotherFormatAreRefused) {
  EXPECT_THAT(sample_.error("{type: vqa, images: @val2014, questions: @vizwiz_val.json}"),
              HasSubstr("vizwiz_val.json:1:1: the document is a list; expected an object with "
                        "`data_subtype`, `questions`"));
  EXPECT_THAT(
      sample_.error("{type: vqa, images: @val2014, questions: @TextVQA_0.5.1_val.json}"),
      HasSubstr("TextVQA_0.5.1_val.json' has no list `questions`; expected a file in the format vqav2"));
  EXPECT_THAT(sample_.error(std::string("{type: vqa, format: aokvqa, images: @val2014, questions: @") +
                            kQuestions + "}"),
              HasSubstr(":1:1: the document is an object; expected a list of records"));
  EXPECT_THAT(sample_.error(vqav2_ + ", format: gqa}"), HasSubstr("`annotations` is for the format vqav2"));
  EXPECT_THAT(sample_.error(questions_ + ", annotations: @" + kQuestions + "}"),
              HasSubstr("val2014_questions.json' has no list `annotations`"));
}

TEST_F(VqaDataset, BadRecordsAreOneErrorWithTheirPlace) {
  const auto broken = [&](const char* file, const std::string& from, const std::string& to) {
    test::Sample sample("vqa");
    sample.replace(file, from, to);
    return sample.error(vqav2_ + "}");
  };
  EXPECT_THAT(broken(kQuestions, "42001", "42000"),
              HasSubstr("the id '42000' is already that of the record at "));
  EXPECT_THAT(broken(kAnnotations, "\"image_id\": 73", "\"image_id\": 42"),
              AllOf(HasSubstr("questions[2]: the image_id is '73', but that of its annotation at "),
                    HasSubstr("val2014_annotations.json:"), HasSubstr(" is '42'")));
  EXPECT_THAT(broken(kQuestions, "42001", "42009"), HasSubstr("the question '42009' has no answer in '"));
  EXPECT_THAT(
      broken(kQuestions, "42001", "[]"),
      HasSubstr(
          "questions[1]: expected `question_id` with an integer or a text that is not empty; found []"));
  EXPECT_THAT(broken(kQuestions, "\"question\": \"What", "\"q\": \"What"),
              HasSubstr("questions[1]: expected `question` with a text; it is missing"));
  EXPECT_THAT(
      broken(kAnnotations, "\"question_id\": 73000", "\"question_id\": 42001"),
      AllOf(HasSubstr("annotations[1]: the question_id '42001' is already that of the annotation at "),
            HasSubstr("val2014_annotations.json:1:")));
  EXPECT_THAT(
      broken(kAnnotations, "\"answer\": \"1\"", "\"answer\": 1"),
      HasSubstr("annotations[0]: expected `answers` with a list of texts, or of objects with the text "
                "`answer`; found [{"));
  EXPECT_THAT(broken(kAnnotations, "\"answers\": [", "\"answers\": [], \"more\": ["),
              HasSubstr("annotations[0]: expected at least one answer"));
  EXPECT_THAT(broken(kAnnotations, "\"answer\": \"1\"", "\"answer\": \"1"),
              HasSubstr("not JSON in annotations[0]: "));
  sample_.write(kQuestions, "{\"data_subtype\": \"val2014\",\n\"questions\": [\n7]}");
  EXPECT_THAT(sample_.error(questions_ + "}"),
              HasSubstr("questions.json:3:2: questions[0]: expected `question_id`"));
  sample_.write(kQuestions, "{\"questions\": [" + std::string(100, '[') + std::string(100, ']') + "]}");
  EXPECT_THAT(sample_.error(questions_ + "}"), HasSubstr("nested more than 32 levels deep"));
  sample_.write(kQuestions, "{\"questions\": {}}");
  EXPECT_THAT(sample_.error(questions_ + "}"),
              HasSubstr("`questions` is an object; expected a list of records"));
  sample_.write(kQuestions, "{\"questions\": []}");
  EXPECT_THAT(sample_.error(questions_ + "}"), HasSubstr("questions.json' has no records"));
}

}  // namespace
}  // namespace flam
