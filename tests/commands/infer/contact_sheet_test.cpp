// The page of `flam infer --contact-sheet`.
#include "framework/commands/infer/contact_sheet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/base/file.h"
#include "framework/commands/infer/infer.h"
#include "tests/support/requests.h"

namespace flam {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::string kScene = FLAM_SOURCE_DIR "/docs/images/scene.png";

size_t count(const std::string& text, const std::string& word) {
  size_t found = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
  return found;
}

TEST(ContactCard, ShowsQuestionAnswerConfidenceAndName) {
  Request request{
      {image_part("shot.png"), text_part("a shot"), image_part("cat.png"), text_part("what is it?")},
      "cat.png"};
  const Json record = {{"id", "cat.png"}, {"pred_answer", "a cat"}, {"confidence", 0.87654}, {"logprob", -1}};
  const std::string card = contact_card(request, record, {"JPEG"}, "");
  EXPECT_THAT(card, AllOf(HasSubstr(">what is it?</span>"), HasSubstr(">a cat</span>"), HasSubstr("87.7%"),
                          HasSubstr("data-confidence=\"0.87654\""), HasSubstr(">cat.png</span>"),
                          HasSubstr("data:image/jpeg;base64,SlBFRw==")));
  EXPECT_THAT(card, Not(HasSubstr("a shot")));
}

TEST(ContactCard, EscapesEverythingThatIsNotItsOwn) {
  const std::string evil = "</span></li><script>alert('1')</script>\" onload=\"x&amp;\x1b[31m";
  const Request request{{image_part("cat.png"), text_part(evil)}, evil};
  for (const char* member : {"pred_answer", "error"}) {
    const std::string card = contact_card(request, {{"id", evil}, {member, evil}}, {""}, "");
    EXPECT_THAT(card, AllOf(HasSubstr("&lt;script&gt;alert(&#39;1&#39;)"),
                            HasSubstr("&quot; onload=&quot;x&amp;amp;"), Not(HasSubstr("<script")),
                            Not(HasSubstr("\" onload")), Not(HasSubstr("\x1b"))));
    EXPECT_EQ(count(card, "</li>"), 1u);
  }
}

TEST(ContactCard, LinksToThePictureRelativeToThePage) {
  const test::Scratch scratch;
  const std::string name = "a \"b\" javascript:x#?%.png";
  write_file(scratch / name, "");
  const Request request{{image_part((scratch / name).string())}, "x"};
  const Json record = {{"id", "x"}, {"pred_caption", "y"}};
  EXPECT_THAT(contact_card(request, record, {""}, scratch.path().string()),
              HasSubstr("data-link=\"a%20%22b%22%20javascript%3Ax%23%3F%25.png\""));
  EXPECT_THAT(contact_card(request, record, {""}, (scratch / "sub").string()),
              HasSubstr("data-link=\"../a%20"));
}

TEST(ContactCard, ShowsEachFieldOfAnAnswerOnItsOwnLine) {
  const Json record = {{"id", "x"}, {"first", "a\nb"}, {"second", "c"}, {"confidence", 1}, {"logprob", 0}};
  EXPECT_THAT(contact_card({{}, "x"}, record, {}, ""), HasSubstr(">a\\x0ab\nc</span>"));
}

TEST(ContactCard, ShowsAnErrorAndAMissingPicture) {
  const Json record = {{"id", "x"}, {"error", "picture 'x' is empty"}};
  EXPECT_THAT(contact_card({{image_part("x")}, "x"}, record, {""}, ""),
              AllOf(HasSubstr("<li class=\"failed\">"), HasSubstr("error: picture &#39;x&#39; is empty"),
                    HasSubstr("no picture"), Not(HasSubstr("confidence"))));
  EXPECT_THAT(contact_card({{text_part("only text")}, "x"}, record, {}, ""),
              AllOf(HasSubstr("no picture"), HasSubstr("only text")));
}

class ContactSheetTest : public testing::Test {
 protected:
  ContactSheetTest() {
    options_.config = "flamingo_mini_caption";
    options_.max_new_tokens = 3;
    options_.contact_sheet = (scratch_ / "sheet.html").string();
    options_.inputs.images = {(scratch_ / "pictures").string()};
    fs::create_directory(scratch_ / "pictures");
    for (const char* name : {"pictures/a.png", "pictures/b.png"}) fs::copy_file(kScene, scratch_ / name);
    write_file(scratch_ / "pictures/broken.png", "");
  }
  std::string page() const { return read_file(options_.contact_sheet, 1 << 20); }

  test::Scratch scratch_;
  InferOptions options_;
};

TEST_F(ContactSheetTest, HasACardForEveryRequestAndNeedsNoOtherFile) {
  infer(options_, {});
  const std::string html = page();
  EXPECT_EQ(count(html, "<li"), 3u);
  EXPECT_EQ(count(html, "data:image/jpeg"), 2u);
  EXPECT_EQ(count(html, "class=\"failed\""), 1u);
  EXPECT_LT(html.find("a.png"), html.find("b.png"));
  for (const char* other : {"http:", "https:", "<link", "url(", "import"})
    EXPECT_THAT(html, Not(HasSubstr(other)));
  EXPECT_THAT(html, AllOf(HasSubstr("<input type=\"search\""), HasSubstr("prefers-color-scheme: dark")));
}

TEST_F(ContactSheetTest, ShowsAnswersThatTheOutputHadBefore) {
  options_.output = (scratch_ / "out.csv").string();
  infer(options_, {});
  const std::string whole = page();
  fs::remove(options_.contact_sheet);
  EXPECT_EQ(infer(options_, {}).kept, 2);
  EXPECT_EQ(page(), whole);
}

TEST_F(ContactSheetTest, ShowsRequestsWithManyPictures) {
  std::string frames;
  for (int i = 0; i < 9; ++i) frames += (i > 0 ? ", \"" : "\"") + kScene + "\"";
  write_file(scratch_ / "requests.jsonl",
             "{\"parts\": [{\"frames\": [" + frames + "]}]}\n{\"parts\": [{\"text\": \"x\"}]}\n");
  options_.inputs = {};
  options_.inputs.request_file = (scratch_ / "requests.jsonl").string();
  infer(options_, {});
  EXPECT_EQ(count(page(), "data:image/jpeg"), 4u);
  EXPECT_EQ(count(page(), "class=\"failed\""), 1u);
}

TEST_F(ContactSheetTest, IsAbsentAfterAnInterruption) {
  InferHooks hooks;
  int64_t done = 0;
  hooks.progress = [&](int64_t now, int64_t, int64_t) { done = now; };
  hooks.cancelled = [&] { return done > 0; };
  infer(options_, hooks);
  EXPECT_FALSE(fs::exists(options_.contact_sheet));
}

}  // namespace
}  // namespace flam
