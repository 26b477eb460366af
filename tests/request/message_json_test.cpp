#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "framework/request/request_json.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using testing::HasSubstr;

Request request_of(const std::string& messages) {
  return parse_request("{\"messages\": " + messages + "}", "/folder", {});
}

TEST(MessageJson, RolesTextsAndPictures) {
  const Request request = request_of(
      R"([{"role": "SYSTEM", "content": "Be short."},
          {"role": "user", "content": [{"type": "image", "image": "a.png"}, {"type": "text", "text": "What?"}]},
          {"role": "assistant", "content": [{"type": "text", "text": "A dog."}]},
          {"role": "user", "content": [{"type": "text", "text": "And"},
                                       {"type": "image_url", "image_url": {"url": "/b.png"}}]}])");
  ASSERT_EQ(request.messages.size(), 4u);
  EXPECT_EQ(request.messages[0].role, Message::Role::system);
  EXPECT_EQ(request.messages[2].begin, 3u);
  ASSERT_EQ(request.parts.size(), 6u);
  EXPECT_EQ(request.parts[1].pictures[0].path, "/folder/a.png");
  EXPECT_EQ(request.parts[5].pictures[0].path, "/b.png");
  EXPECT_EQ(request.id, "/b.png");
  // What is written is read as the same.
  const std::string written = request_json(request).dump();
  EXPECT_EQ(request_json(parse_request(written, "", {})).dump(), written);
}

TEST(MessageJson, Refusals) {
  const auto refusal = [](const std::string& messages) { return error_of([&] { request_of(messages); }); };
  EXPECT_THAT(refusal("[]"), HasSubstr("`messages` is empty"));
  EXPECT_THAT(refusal("3"), HasSubstr("`messages` must be a list, found 3"));
  EXPECT_THAT(refusal(R"([{"role": "user"}])"), HasSubstr("each message has a `role` and a `content`"));
  EXPECT_THAT(refusal(R"([{"role": "user", "content": "x", "name": "y"}])"),
              HasSubstr("unknown key 'name' of a message (known: role, content)"));
  EXPECT_THAT(refusal(R"([{"role": "user", "content": [{"type": "text", "text": "x", "fps": 1}]}])"),
              HasSubstr("unknown key 'fps' of content of the type 'text' (known: type, text)"));
  EXPECT_THAT(refusal(R"([{"role": "user", "content": [{"type": "video", "frames": ["x"], "fsp": 1}]}])"),
              HasSubstr("unknown key 'fsp' of content of the type 'video'; did you mean 'fps'?"));
  EXPECT_THAT(
      refusal(
          R"([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x", "foo": 1}}]}])"),
      HasSubstr("unknown key 'foo' of `image_url` (known: url, detail)"));
  EXPECT_THAT(refusal(R"([{"role": "tool", "content": "x"}])"), HasSubstr("known: system, user, assistant"));
  EXPECT_THAT(refusal(R"([{"role": "user", "content": []}])"), HasSubstr("a list that is not empty"));
  EXPECT_THAT(refusal(R"([{"role": "user", "content": [{"type": "audio"}]}])"),
              HasSubstr("unusable content"));
  EXPECT_THAT(refusal(R"([{"role": "user", "content": [{"type": "image", "url": "https://x/y.png"}]}])"),
              HasSubstr("URLs are not fetched"));
  EXPECT_THAT(error_of([] { parse_request(R"({"messages": [], "parts": []})", "", {}); }),
              HasSubstr("unknown key 'parts'"));
}

}  // namespace
}  // namespace flam
