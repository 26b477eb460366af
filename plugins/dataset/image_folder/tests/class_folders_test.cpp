// A folder with one subfolder of pictures for each class, and features of its pictures.
#include <ATen/ops/arange.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/component/dataset.h"
#include "framework/testing/component.h"
#include "framework/weights/checkpoint.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class ClassFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* file : {"my/tabby/1.jpg", "my/tabby/deeper/2.PNG", "my/teapot/1.jpg", "my/teapot/3.webp",
                             "my/tabby/notes.txt", "my/tabby/.hidden.jpg", "my/tabby/.cache/4.jpg",
                             "my/.git/5.jpg", "my/loose.jpg"})
      add(file);
  }

  void add(const std::string& file) const {
    std::filesystem::create_directories((scratch_ / file).parent_path());
    write_file(scratch_ / file, "");
  }
  /// The dataset of a folder, with more parameters as file names in the scratch folder.
  Built<Dataset> open(const std::string& folder, const std::map<std::string, std::string>& files = {},
                      const Dataset::Input& input = {}) const {
    Value params = Value::map();
    params.set("type", "image_folder");
    params.set("folder", (scratch_ / folder).string());
    for (const auto& [key, file] : files) params.set(key, (scratch_ / file).string());
    return Built<Dataset>(params, input);
  }
  std::string error(const std::string& folder, const std::map<std::string, std::string>& files = {},
                    const Dataset::Input& input = {}) const {
    return test::error_of([&] { open(folder, files, input); });
  }
  /// Each record as "CLASS LABEL".
  static std::multiset<std::string> classes_of(const Dataset& dataset) {
    std::multiset<std::string> out;
    for (int64_t i = 0; i < dataset.size(); ++i) {
      const Record record = dataset.at(i);
      EXPECT_EQ(record.media_labels.sizes(), at::IntArrayRef({1, 1}));
      out.insert(cat(record.references.at(0), " ", record.media_labels.item().toLong()));
    }
    return out;
  }
  void write_features(const std::string& ids, int64_t count) const {
    write_safetensors(scratch_ / "features.safetensors",
                      {{"features", at::arange(count * 6, at::kFloat).view({count, 2, 3})}}, {{"ids", ids}});
  }

  test::Scratch scratch_;
};

TEST_F(ClassFolderTest, EachSubfolderIsAClassAndHiddenFilesAreIgnored) {
  const auto dataset = open("my");
  EXPECT_THAT(classes_of(*dataset), UnorderedElementsAre("tabby 0", "tabby 0", "teapot 1", "teapot 1"));
  EXPECT_THAT(dataset->media_label_classes(), ElementsAre(2));
  std::set<std::string> ids;
  for (int64_t i = 0; i < dataset->size(); ++i) {
    ids.insert(dataset->at(i).request.id);
    EXPECT_EQ(dataset->at(i).request.parts.at(0).pictures.at(0).path, dataset->at(i).request.id);
    EXPECT_TRUE(dataset->at(i).request.candidates.empty());
  }
  EXPECT_THAT(
      ids, ElementsAre((scratch_ / "my/tabby/1.jpg").string(), (scratch_ / "my/tabby/deeper/2.PNG").string(),
                       (scratch_ / "my/teapot/1.jpg").string(), (scratch_ / "my/teapot/3.webp").string()));
}

TEST_F(ClassFolderTest, RecordsAreShuffledAndTheClassesAreTheCandidates) {
  for (int i = 10; i < 40; ++i) add(cat(i % 2 ? "my/tabby/" : "my/teapot/", i, ".jpg"));
  const auto labels_of = [&](const Dataset::Input& input) {
    std::vector<int64_t> out;
    const auto dataset = open("my", {}, input);
    for (int64_t i = 0; i < dataset->size(); ++i) out.push_back(dataset->at(i).media_labels.item().toLong());
    return out;
  };
  const std::vector<int64_t> labels = labels_of({});
  EXPECT_FALSE(std::is_sorted(labels.begin(), labels.end()));
  EXPECT_EQ(labels, labels_of({}));
  EXPECT_NE(labels, labels_of({.seed = 1}));
  EXPECT_EQ(labels_of({.limit = 5}), std::vector<int64_t>(labels.begin(), labels.begin() + 5));
  EXPECT_THAT(open("my", {}, {.with_candidates = true})->at(0).request.candidates,
              ElementsAre("tabby", "teapot"));
}

TEST_F(ClassFolderTest, AFileGivesTheOrderOfTheClasses) {
  write_file(scratch_ / "classes.tsv", "teapot\tvessel\r\ntabby\n");
  EXPECT_THAT(classes_of(*open("my", {{"classes", "classes.tsv"}})),
              UnorderedElementsAre("tabby 1", "tabby 1", "teapot 0", "teapot 0"));
  write_file(scratch_ / "classes.tsv", "teapot\tvessel\n");
  EXPECT_THAT(error("my", {{"classes", "classes.tsv"}}),
              AllOf(HasSubstr("my/tabby' is not among the 1 classes of '"), HasSubstr("add a line for it")));
  write_file(scratch_ / "classes.tsv", "teapot\ntaby\n");
  EXPECT_THAT(error("my", {{"classes", "classes.tsv"}}),
              AllOf(HasSubstr("classes.tsv:2: "), HasSubstr("has no subfolder for the class 'taby'"),
                    HasSubstr("'tabby'")));
  write_file(scratch_ / "classes.tsv", "teapot\ntabby\nteapot\n");
  EXPECT_THAT(error("my", {{"classes", "classes.tsv"}}),
              HasSubstr("classes.tsv:3: 'teapot' is already the name of another class"));
}

TEST_F(ClassFolderTest, FoldersThatAreNoClassesAreOneError) {
  EXPECT_THAT(error("absent"), AllOf(HasSubstr("cannot read the folder '"), HasSubstr("No such file")));
  EXPECT_THAT(error("my/teapot"), HasSubstr("my/teapot' has no subfolder; expected at least two"));
  add("one/tabby/1.jpg");
  EXPECT_THAT(error("one"), HasSubstr("one' has only one subfolder, 'tabby'; expected at least two"));
  add("one/teapot/.hidden.jpg");
  EXPECT_THAT(error("one"), HasSubstr("one/teapot' has no pictures"));
  EXPECT_THAT(error("my", {}, {.with_question = true}), HasSubstr("have no questions"));
  write_file(scratch_ / "my/annotations.jsonl", "{\"image\": \"a.png\", \"references\": [\"x\"]}\n");
  EXPECT_EQ(open("my")->size(), 1);
  EXPECT_THAT(error("my", {{"classes", "classes.tsv"}}),
              HasSubstr("`classes` is for a folder with a subfolder for each class"));
}

TEST_F(ClassFolderTest, FeaturesAreFoundByTheirPicture) {
  const std::string folder = (scratch_ / "my").string();
  const auto ids = [&](const std::string& last) {
    return cat("[\"", folder, "/teapot/../loose.jpg\",\"", folder, "/teapot/1.jpg\",\"", folder,
               "/tabby/1.jpg\",\"", folder, "/teapot/3.webp\",\"", folder, "/tabby/", last, "\"]");
  };
  write_features(ids("deeper/2.PNG"), 5);
  const auto dataset = open("my", {{"features", "features.safetensors"}});
  for (int64_t i = 0; i < dataset->size(); ++i) {
    const Record record = dataset->at(i);
    const PictureSource& picture = record.request.parts.at(0).pictures.at(0);
    EXPECT_EQ(what_is_wrong(picture), "");
    ASSERT_EQ(picture.features.sizes(), at::IntArrayRef({2, 3}));
    if (record.request.id.ends_with("tabby/1.jpg")) {
      EXPECT_EQ(picture.features[0][0].item().toDouble(), 12);
    }
  }
  write_features(ids("other.png"), 5);
  EXPECT_THAT(error("my", {{"features", "features.safetensors"}}),
              AllOf(HasSubstr("has no features of '"), HasSubstr("deeper/2.PNG'; run `flam features`")));
}

TEST_F(ClassFolderTest, AFileThatDoesNotHoldFeaturesOfPicturesIsRefused) {
  for (const char* ids : {"", "{}", "[1]", "[\"a\"]", "[[\"a\"],\"b\"]", "[[[\"a\"]]", "[\"a\","}) {
    write_features(ids, 2);
    EXPECT_THAT(error("my", {{"features", "features.safetensors"}}),
                HasSubstr("is not a file that `flam features` writes"))
        << ids;
  }
}

}  // namespace
}  // namespace flam
