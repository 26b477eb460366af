#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/dataset/shared/tests/sample.h"

namespace flam {
namespace {

using test::ids_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class CocoCaptions : public testing::Test {
 protected:
  test::Sample sample_{"coco_captions"};
  const std::string coco_ = "{type: coco_captions, annotations: @captions_val2014.json, images: @val2014}";
  const std::string karpathy_ = "{type: coco_captions, annotations: @dataset_coco.json, images: @";
};

TEST_F(CocoCaptions, PicturesHaveAllTheirCaptions) {
  const auto dataset = sample_.open(coco_);
  EXPECT_THAT(ids_of(*dataset), ElementsAre("42", "73", "391895"));
  const Record record = dataset->at(2);
  EXPECT_EQ(sample_.picture(record), "val2014/COCO_val2014_000000391895.jpg");
  EXPECT_TRUE(std::filesystem::exists(record.request.parts[0].pictures[0].path));
  EXPECT_EQ(record.request.parts.size(), 1u);
  EXPECT_THAT(record.references, ElementsAre("A square \"in a square\".", "Two colours", "A café square"));
  EXPECT_EQ(record.facts.find("image_id")->as_int(), 391895);
  EXPECT_EQ(record.kind, "");
  EXPECT_EQ(dataset->skipped(), 0);
}

TEST_F(CocoCaptions, KarpathySplits) {
  EXPECT_THAT(ids_of(*sample_.open(karpathy_ + "}")), ElementsAre("42", "73", "391895"));
  const auto test = sample_.open(karpathy_ + ", split: test}");
  ASSERT_THAT(ids_of(*test), ElementsAre("42"));
  EXPECT_EQ(sample_.picture(test->at(0)), "val2014/COCO_val2014_000000000042.jpg");
  EXPECT_EQ(test->at(0).references.size(), 3u);
  EXPECT_EQ(test->at(0).facts.find("image_id")->as_int(), 42);
  EXPECT_THAT(ids_of(*sample_.open(karpathy_ + ", split: train+restval}")), ElementsAre("73", "391895"));
  EXPECT_THAT(sample_.error(karpathy_ + ", split: tests}"),
              AllOf(HasSubstr("no images of the split 'tests'; did you mean 'test'?"),
                    HasSubstr("restval, test, train")));
  EXPECT_THAT(sample_.error(
                  "{type: coco_captions, annotations: @captions_val2014.json, images: @val2014, split: val}"),
              HasSubstr("captions_val2014.json' name no split"));
  // The pictures of a split without the subfolder.
  const auto flat =
      sample_.open("{type: coco_captions, annotations: @dataset_coco.json, images: @val2014, split: test}");
  EXPECT_EQ(sample_.picture(flat->at(0)), "val2014/COCO_val2014_000000000042.jpg");
}

TEST_F(CocoCaptions, FlickrAndNoCaps) {
  const auto flickr = sample_.open(
      "{type: coco_captions, annotations: @dataset_flickr30k.json, images: @flickr30k-images, split: test}");
  ASSERT_THAT(ids_of(*flickr), ElementsAre("1"));
  EXPECT_EQ(sample_.picture(flickr->at(0)), "flickr30k-images/10002456.jpg");
  const std::string nocaps =
      "{type: coco_captions, annotations: @nocaps_val_4500_captions.json, images: @nocaps";
  const auto dataset = sample_.open(nocaps + "}");
  ASSERT_THAT(ids_of(*dataset), ElementsAre("0", "1"));
  EXPECT_EQ(dataset->at(1).kind, "out-domain");
  EXPECT_EQ(dataset->at(1).facts.find("image_id")->as_int(), 1);
  EXPECT_EQ(sample_.open(nocaps + ", kind: ''}")->at(1).kind, "");
  EXPECT_EQ(sample_.open(nocaps + ", kind: open_images_id}")->at(1).kind, "000a1249af2bc5f0");
  EXPECT_THAT(sample_.error(nocaps + ", kind: domains}"),
              HasSubstr("images[0]: expected the field `domains`, which the parameter `kind` names"));
}

TEST_F(CocoCaptions, ATestSetHasNoCaptions) {
  sample_.write("test.json", R"({"images": [{"id": 42, "file_name": "COCO_val2014_000000000042.jpg"}]})");
  const auto dataset = sample_.open("{type: coco_captions, annotations: @test.json, images: @val2014}");
  EXPECT_THAT(ids_of(*dataset), ElementsAre("42"));
  EXPECT_TRUE(dataset->at(0).references.empty());
}

TEST_F(CocoCaptions, HeadsThatNeedAQuestionGetOne) {
  EXPECT_THAT(sample_.error(coco_, {.with_question = true}), HasSubstr("set `question`"));
  const auto dataset = sample_.open(
      "{type: coco_captions, annotations: @captions_val2014.json, images: @val2014, question: 'What is "
      "shown?'}",
      {.with_question = true});
  EXPECT_EQ(dataset->at(0).request.parts.at(1).text, "What is shown?");
}

TEST_F(CocoCaptions, InTrainingRecordsOfAPictureHaveDifferentCaptions) {
  const auto dataset = sample_.open(coco_, {.records_per_picture = 2});
  EXPECT_THAT(ids_of(*dataset), ElementsAre("42", "42", "73", "73", "391895", "391895"));
  EXPECT_EQ(dataset->at(2).references.at(0), "A green square");
  EXPECT_EQ(dataset->at(3).references.at(0), "One green square on grey");
}

TEST_F(CocoCaptions, LimitAndOrder) {
  EXPECT_THAT(ids_of(*sample_.open(coco_, {.limit = 2})), ElementsAre("42", "73"));
  const std::string shuffled =
      "{type: coco_captions, annotations: @captions_val2014.json, images: @val2014, shuffle: true, limit: 2";
  std::set<std::vector<std::string>> orders;
  for (int64_t seed = 0; seed < 20; ++seed) {
    const auto ids = ids_of(*sample_.open(shuffled + "}", {.seed = seed}));
    EXPECT_EQ(ids.size(), 2u);
    EXPECT_EQ(ids, ids_of(*sample_.open(shuffled + ", seed: " + std::to_string(seed) + "}")));
    orders.insert(ids);
  }
  EXPECT_GT(orders.size(), 3u);
}

TEST_F(CocoCaptions, MissingPicturesAreAnErrorOrSkipped) {
  std::filesystem::remove(sample_ / "val2014/COCO_val2014_000000000073.jpg");
  EXPECT_THAT(
      sample_.error(coco_),
      AllOf(HasSubstr("captions_val2014.json:1:"), HasSubstr("COCO_val2014_000000000073.jpg' of record '73'"),
            HasSubstr("1 of 3 records have no picture"), HasSubstr("skip_missing: true")));
  EXPECT_EQ(sample_.error(coco_, {.limit = 1}), "");
  const std::string skipping =
      "{type: coco_captions, annotations: @captions_val2014.json, images: @val2014, skip_missing: true}";
  const auto dataset = sample_.open(skipping);
  EXPECT_THAT(ids_of(*dataset), ElementsAre("42", "391895"));
  EXPECT_EQ(dataset->skipped(), 1);
  EXPECT_THAT(ids_of(*sample_.open(skipping, {.limit = 2})), ElementsAre("42", "391895"));
  std::filesystem::remove_all(sample_ / "val2014");
  EXPECT_THAT(sample_.error(skipping), HasSubstr("val2014', which `images` names, is not there"));
  std::filesystem::create_directory(sample_ / "val2014");
  EXPECT_THAT(sample_.error(skipping), HasSubstr("3 of 3 records have no picture); check `images`"));
}

TEST_F(CocoCaptions, BadFilesAreOneErrorWithItsPlace) {
  const auto broken = [&](const std::string& from, const std::string& to) {
    test::Sample sample("coco_captions");
    sample.replace("captions_val2014.json", from, to);
    return sample.error(coco_);
  };
  EXPECT_THAT(broken("\"id\": 73", "\"id\": 42"), HasSubstr("the id '42' is already that of the record at "));
  EXPECT_THAT(broken("\"id\": 101", "\"id\": 100"),
              HasSubstr("annotations[1]: the id '100' is already that of another caption"));
  EXPECT_THAT(broken("\"caption\": \"One", "\"text\": \"One"),
              HasSubstr("annotations[4]: expected `caption` with a text; it is missing"));
  EXPECT_THAT(broken("\"image_id\": 391895", "\"image_id\": 8"),
              HasSubstr("annotations[0]: the image_id '8' is none of the file's `images`"));
  EXPECT_THAT(broken("\"file_name\": \"C", "\"file_name\": \"\\u0000C"),
              HasSubstr("images[0]: `file_name` must be the name of a file"));
  EXPECT_THAT(broken("\"id\": 42", "\"id\": 4.2"),
              HasSubstr("images[0]: expected `id` with an integer or a text that is not empty; found 4.2"));
  EXPECT_THAT(broken("\"caption\"", "caption"),
              AllOf(HasSubstr("captions_val2014.json:1:"), HasSubstr("not JSON in annotations[0]: ")));
  EXPECT_THAT(broken("\"images\"", "\"pictures\""), HasSubstr("has no list `images`"));
  sample_.write("captions_val2014.json", "[]");
  EXPECT_THAT(sample_.error(coco_),
              HasSubstr(":1:1: the document is a list; expected an object with `annotations`, `images`"));
  sample_.write("captions_val2014.json", "");
  EXPECT_THAT(sample_.error(coco_), HasSubstr("the file is empty; expected JSON"));
  sample_.write("captions_val2014.json",
                R"({"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "a.jpg"}],
"annotations": [{"image_id": 1, "caption": "x"}]})");
  EXPECT_THAT(sample_.error(coco_), HasSubstr(".json:1:46: the image '2' has no caption"));
}

}  // namespace
}  // namespace flam
