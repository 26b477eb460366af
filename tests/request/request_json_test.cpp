#include "framework/request/request_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "framework/base/text.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using testing::AllOf;
using testing::HasSubstr;

const Location kHere{std::make_shared<const std::string>("r.jsonl"), 3, 0};

std::string refusal(const std::string& line) {
  return error_of([&] { parse_request(line, "/folder", kHere); });
}

TEST(ParseRequest, KeepsTheOrderOfParts) {
  const Request request = parse_request(
      R"({"parts": [{"image": "a.png"}, {"text": "a dog"}, {"frames": ["1.png", "/abs/2.png"]}]})", "/folder",
      kHere);
  ASSERT_EQ(request.parts.size(), 3u);
  EXPECT_EQ(request.parts[0].pictures.at(0).path, "/folder/a.png");
  EXPECT_EQ(request.parts[1].text, "a dog");
  EXPECT_EQ(request.parts[2].kind, Part::Kind::frames);
  EXPECT_EQ(request.parts[2].pictures.at(0).path, "/folder/1.png");
  EXPECT_EQ(request.parts[2].pictures.at(1).path, "/abs/2.png");
  EXPECT_EQ(request.id, "/folder/1.png");  // of the query
  EXPECT_EQ(parse_request(R"({"parts": []})", "", kHere).id, "");
}

TEST(ParseRequest, TimesOfAVideo) {
  const auto video = [](const std::string& more) {
    return parse_request(R"({"parts": [{"frames": ["1.png", "2.png", "3.png"])" + more + "}]}", "/folder",
                         kHere);
  };
  const auto times = [&](const std::string& more) { return video(more).parts.at(0).timestamps; };
  EXPECT_EQ(times(""), std::vector<double>());
  EXPECT_EQ(times(R"(, "fps": 2)"), (std::vector<double>{0, 0.5, 1}));
  EXPECT_EQ(times(R"(, "timestamps": [1, 1, 70.5])"), (std::vector<double>{1, 1, 70.5}));
  EXPECT_EQ(video("").parts.at(0).duration, std::nullopt);
  const Request whole = video(R"(, "fps": 1, "duration": 9.5)");
  EXPECT_EQ(whole.parts.at(0).duration, 9.5);
  const Request again = parse_request(request_json(whole).dump(), "/", kHere);
  EXPECT_EQ(again.parts.at(0).timestamps, whole.parts.at(0).timestamps);
  EXPECT_EQ(again.parts.at(0).duration, 9.5);
  const auto refused = [&](const std::string& more) { return error_of([&] { video(more); }); };
  for (const char* rate : {"0", "-1", "\"2\"", "1e-9", "[1]"})
    EXPECT_THAT(refused(cat(R"(, "fps": )", rate)), HasSubstr("`fps` of a video is")) << rate;
  EXPECT_THAT(refused(R"(, "timestamps": [1, 2])"), HasSubstr("one number for each of its 3 frames"));
  EXPECT_THAT(refused(R"(, "timestamps": [1, 3, 2])"), HasSubstr("`timestamps` of a video is '2'; expected "
                                                                 "seconds, at least 3"));
  EXPECT_THAT(refused(R"(, "fps": 1, "timestamps": [1, 2, 3])"),
              HasSubstr("`fps` or `timestamps`, not both"));
  EXPECT_THAT(refused(R"(, "fps": 1, "duration": 1.5)"), HasSubstr("`duration` of a video is '1.5'"));
  EXPECT_THAT(refused(R"(, "text": "x")"),
              HasSubstr("unknown key 'text' of a video (known: video, frames, fps, key_frames, "
                        "timestamps, duration)"));
}

TEST(ParseRequest, MessagesNameTheMistake) {
  const std::pair<const char*, const char*> lines[] = {
      {"[]", "expected an object, found []"},
      {"{}", "no list `parts`"},
      {R"({"parts": null})", "`parts` must be a list, found null"},
      {R"({"messages": 3})", "`messages` must be a list, found 3"}};
  for (const auto& [line, problem] : lines) {
    EXPECT_THAT(refusal(line), AllOf(HasSubstr(cat("r.jsonl:3: not a request: ", problem)),
                                     HasSubstr("expected {\"parts\": [{\"text\": …}")))
        << line;
  }
  const auto part = [](const std::string& text) { return refusal("{\"parts\": [" + text + "]}"); };
  for (const char* text : {"3", "{}", R"({"text": "x", "image": "y"})", R"({"audio": "x"})"})
    EXPECT_THAT(part(text), HasSubstr("each part has exactly one of")) << text;
  EXPECT_THAT(part(R"({"text": 3})"), HasSubstr("`text` of a part must be a text, found '3'"));
  EXPECT_THAT(part(R"({"image": "x", "fps": 1})"),
              HasSubstr("unknown key 'fps' of a picture (known: image)"));
  for (const char* text : {R"({"frames": []})", R"({"frames": "x"})", R"({"frames": null})"})
    EXPECT_THAT(part(text), HasSubstr("`frames` of a video must be a list of paths")) << text;
  EXPECT_THAT(part(R"({"frames": null})"), HasSubstr("number of frames; found null"));
  for (const char* text : {R"({"image": null})", R"({"video": null})", R"({"frames": [null]})"})
    EXPECT_THAT(part(text), HasSubstr("a picture or video must be a path, found null")) << text;
  EXPECT_THAT(part(R"({"text": null})"), HasSubstr("`text` of a part must be a text, found 'null'"));
  EXPECT_THAT(part(R"({"image": 3})"), HasSubstr("a picture or video must be a path, found 3"));
  EXPECT_THAT(part(R"({"frames": ["a", ""]})"), HasSubstr("a picture or video must be a path, found ''"));
  EXPECT_THAT(refusal(R"({"parts": [], "candidates": null})"),
              HasSubstr("`candidates` must be a list of texts, at least two, found null"));
  EXPECT_THAT(refusal(R"({"parts": [], "name": 3})"),
              HasSubstr("unknown key 'name' of a request (known: parts, candidates, id)"));
  for (const char* id : {"3", "null", "\"\"", "[\"x\"]"}) {
    EXPECT_THAT(refusal(cat(R"({"parts": [], "id": )", id, "}")),
                HasSubstr(cat("`id` must be a text that is not empty, found ", id)))
        << id;
  }
  EXPECT_THAT(refusal(R"({"parts": [], "parts": []})"), HasSubstr("the key 'parts' occurs twice"));
  EXPECT_THAT(refusal("{\"parts\": [[[[[[[[[[]]]]]]]]]]}"), HasSubstr("nested too deeply"));
  EXPECT_THAT(refusal("{\"parts\": [}"), HasSubstr("r.jsonl:3:12: not JSON: {\"parts\": [} ← here"));
}

TEST(ParseRequest, ReadsAnId) {
  const Request request =
      parse_request(R"({"parts": [{"image": "a.png"}], "id": "file://7"})", "/folder", kHere);
  EXPECT_EQ(request.id, "file://7");
  EXPECT_EQ(request_json(request).dump(), R"({"id":"file://7","parts":[{"image":"/folder/a.png"}]})");
}

TEST(ParseRequest, ReadsAFileUriForAPathThatIsNotUtf8) {
  const Request request = parse_request(
      R"({"parts": [{"image": "file:///b/caf%E9.png"}, {"frames": ["a.png", "file:///b/%FF.png"]}]})",
      "/folder\xff", kHere);
  EXPECT_EQ(request.parts[0].pictures.at(0).path, "/b/caf\xe9.png");
  EXPECT_EQ(request.parts[1].pictures.at(0).path, "/folder\xff/a.png");
  EXPECT_EQ(request.parts[1].pictures.at(1).path, "/b/\xff.png");
  EXPECT_EQ(request.id, "file:///folder%FF/a.png");

  const auto json = request_json(request);
  EXPECT_EQ(json["parts"][0]["image"], "file:///b/caf%E9.png");
  const Request again = parse_request(json.dump(), "/elsewhere", kHere);
  for (size_t part = 0; part < 2; ++part) {
    for (size_t i = 0; i < request.parts[part].pictures.size(); ++i)
      EXPECT_EQ(again.parts[part].pictures[i].path, request.parts[part].pictures[i].path);
  }
  EXPECT_THAT(refusal(R"({"parts": [{"image": "file:///b/%zz.png"}]})"),
              HasSubstr("r.jsonl:3: not a request: file URI 'file:///b/%zz.png' has a % without two"));
}

TEST(ParseRequest, RequiresAtLeastTwoCandidates) {
  for (const char* candidates : {"[]", R"(["yes"])", R"("yes")", R"(["yes", 2])"}) {
    EXPECT_THAT(refusal(cat(R"({"parts": [], "candidates": )", candidates, "}")),
                HasSubstr("`candidates` must be a list of texts, at least two"))
        << candidates;
  }
  const Request two = parse_request(R"({"parts": [], "candidates": ["yes", "no"]})", "", {});
  EXPECT_EQ(two.candidates.size(), 2u);
}

TEST(ParseRequest, RejectsManyKeysAndCandidatesQuickly) {
  std::string keys, texts;
  for (int i = 0; i < 240'000; ++i) keys += cat(", \"", i, "\": 0");
  for (int i = 0; i < 10'001; ++i) texts += i ? ",\"a\"" : "\"a\"";
  EXPECT_THAT(refusal("{\"parts\": []" + keys + "}"), HasSubstr("unknown key '0'"));
  EXPECT_THAT(refusal("{\"parts\": [{\"text\": \"x\"" + keys + "}]}"),
              HasSubstr("unknown key '0' of a text (known: text)"));
  EXPECT_THAT(refusal("{\"parts\": [], \"candidates\": [" + texts + "]}"),
              HasSubstr("`candidates` has 10001 texts; at most 10000"));
}

}  // namespace
}  // namespace flam
