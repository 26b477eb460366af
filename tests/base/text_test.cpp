#include "framework/base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/base/error.h"
#include "framework/base/log.h"

namespace flam {
namespace {

TEST(Text, PrintableEscapesControlCharacters) {
  EXPECT_EQ(printable("plain ü 漢"), "plain ü 漢");
  EXPECT_EQ(printable("a\x1b[31m\n"), "a\\x1b[31m\\x0a");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");  // a C1 control character
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");  // not UTF-8
  EXPECT_EQ(printable(std::string("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(quoted("x"), "'x'");
}

TEST(Text, PrintableCutsBetweenCharacters) {
  EXPECT_EQ(printable("abcdef", 3), "abc…");
  EXPECT_EQ(printable("aüb", 2), "a…");
  EXPECT_EQ(printable("abc", 3), "abc");
}

TEST(Text, Utf8FrontAcceptsOnlyWellFormedCharacters) {
  EXPECT_EQ(utf8_front("a").code, U'a');
  EXPECT_EQ(utf8_front("漢x").code, U'漢');
  EXPECT_EQ(utf8_front("漢x").length, 3u);
  EXPECT_EQ(utf8_front("\U0001F9A9").length, 4u);
  for (const char* bad : {"", "\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xe6\xbc", "\xe6x"}) {
    EXPECT_EQ(utf8_front(bad).length, 0u) << printable(bad);
  }
}

TEST(Text, EscapesHtmlMarkup) {
  EXPECT_EQ(escape_html("<a href=\"x\">'b' & c</a>"),
            "&lt;a href=&quot;x&quot;&gt;&#39;b&#39; &amp; c&lt;/a&gt;");
}

TEST(Text, DidYouMeanNamesTheNearestCandidate) {
  const std::vector<std::string> names = {"num_latents", "depth", "perceiver"};
  EXPECT_EQ(did_you_mean("num_latent", names), "; did you mean 'num_latents'?");
  EXPECT_EQ(did_you_mean("percever", names), "; did you mean 'perceiver'?");
  EXPECT_EQ(did_you_mean("fiel", {"file"}), "; did you mean 'file'?");  // neighbours swapped
  EXPECT_EQ(did_you_mean("temperature", names), "");
  EXPECT_EQ(did_you_mean(std::string(100'000, 'x'), names), "");
}

TEST(Error, MessageBeginsWithThePlace) {
  const auto file = std::make_shared<const std::string>("a.yaml");
  EXPECT_EQ((Location{file, 3, 4}.str()), "a.yaml:3:4");
  EXPECT_EQ((Location{file}.str()), "a.yaml");
  EXPECT_EQ(Location{}.str(), "");
  EXPECT_STREQ(Error({file, 3, 4}, "wrong").what(), "a.yaml:3:4: wrong");
  EXPECT_EQ(Error("x").exit_status(), 2);
  EXPECT_EQ(RunError("x").exit_status(), 1);
}

TEST(ErrorList, ThrowsAllErrorsAtOnce) {
  ErrorList errors;
  EXPECT_NO_THROW(errors.throw_if_any());
  errors.add("first");
  errors.add({std::make_shared<const std::string>("f"), 2}, "second");
  EXPECT_THAT([&] { errors.throw_if_any(); }, testing::ThrowsMessage<Error>("first\nf:2: second"));
}

TEST(Log, WritesMessagesOfItsLevelAndAboveToStderr) {
  testing::internal::CaptureStderr();
  set_log_level(LogLevel::warn);
  log_info("not shown");
  log_warn("shown {}");
  log_error("this too");
  set_log_level(LogLevel::off);
  log_error("not shown");
  set_log_level(LogLevel::debug);
  log_debug("all is shown");
  set_log_level(LogLevel::info);
  log_debug("not shown");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "warning: shown {}\nerror: this too\ndebug: all is shown\n");
}

}  // namespace
}  // namespace flam
