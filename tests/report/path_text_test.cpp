#include "framework/report/path_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using testing::HasSubstr;
using testing::StartsWith;

TEST(PathText, KeepsAPathThatIsUtf8) {
  for (const char* path : {"", "-", "a.png", "/tmp/Käse 100%.png", "folder/file:x", "漢.png"}) {
    EXPECT_EQ(path_text(path), path);
    EXPECT_EQ(path_of_text(path), path);
  }
}

TEST(PathText, WritesAnyOtherPathAsAFileUri) {
  EXPECT_EQ(path_text("/tmp/caf\xe9 100%.jpg"), "file:///tmp/caf%E9%20100%25.jpg");
  EXPECT_EQ(path_text("/tmp/\xc3\xa9\xff"), "file:///tmp/%C3%A9%FF");
  const std::string relative = path_text("caf\xe9.jpg");
  EXPECT_THAT(relative, StartsWith("file:///"));
  EXPECT_EQ(path_of_text(relative), std::filesystem::current_path() / "caf\xe9.jpg");
}

TEST(PathText, LinksFromOneFolderToAnother) {
  EXPECT_EQ(relative_link("/photos/a b.png", "/photos"), "a%20b.png");
  EXPECT_EQ(relative_link("/photos/./x/../caf\xe9.jpg", "/pages/new"), "../../photos/caf%E9.jpg");
  EXPECT_EQ(relative_link("javascript:x", ""), "javascript%3Ax");
  EXPECT_EQ(relative_link("sub/a?#%.png", ""), "sub/a%3F%23%25.png");
}

TEST(PathText, ConvertsEveryPathBack) {
  std::string all = "/";
  for (int byte = 1; byte < 256; ++byte) all += static_cast<char>(byte);
  const std::string text = path_text(all);
  EXPECT_TRUE(is_utf8(text));
  EXPECT_EQ(path_of_text(text), all);
  const std::string looks_like_a_uri = "file:///a%41";  // in a folder named "file:"
  EXPECT_EQ(path_of_text(path_text(looks_like_a_uri)), std::filesystem::absolute(looks_like_a_uri));
  EXPECT_EQ(path_of_text("file:///a%2fb%e9"), "/a/b\xe9");  // lower-case digits are allowed
}

TEST(PathText, RejectsAnInvalidUri) {
  EXPECT_THAT(error_of([] { path_of_text("file://host/a"); }), HasSubstr("names a host"));
  for (const char* text :
       {"file:///%", "file:///%4", "file:///%4g", "file:///%-1", "file:///%+1", "file:///%%41"})
    EXPECT_THAT(error_of([&] { path_of_text(text); }), HasSubstr("without two hexadecimal digits")) << text;
  EXPECT_THAT(error_of([] { path_of_text("file:///a%00b"); }), HasSubstr("NUL"));
}

TEST(PathText, RecognisesUtf8) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("漢字 ä"));
  for (const char* bytes : {"\xff", "a\xe9", "\xc3", "\xed\xa0\x80"}) EXPECT_FALSE(is_utf8(bytes));
}

}  // namespace
}  // namespace flam
