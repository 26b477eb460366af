// dataset `video_qa`: questions about videos, from the files of MSVD-QA and MSRVTT-QA. Each video is a file,
// or a folder with its frames as pictures.
#include <algorithm>
#include <filesystem>
#include <unordered_map>

#include "plugins/dataset/shared/entries.h"
#include "plugins/dataset/shared/picture_names.h"

namespace flam {

namespace {

namespace fs = std::filesystem;

struct VideoQaParams : SelectionParams {
  std::string questions, videos, mapping, kind;
  std::string video_name = "video{video_id}";
  int64_t frames = 8;
  std::optional<double> fps;

  void visit(ParamVisitor& v) {
    v("questions", questions, "train_qa.json, val_qa.json or test_qa.json of MSVD-QA or MSRVTT-QA",
      required(), path());
    v("videos", videos,
      "folder with the videos: files (.mp4, .avi, .webm, .mkv, .mov), or for each a subfolder with its "
      "frames "
      "as pictures that sort in the order of time",
      required(), path());
    v("video_name", video_name,
      "names of the subfolders, or of the files with or without their suffix, with {video_id}: "
      "video{video_id} is that of MSRVTT-QA, vid{video_id} that of MSVD-QA");
    v("mapping", mapping,
      "text file with lines NAME VIDEO, such as youtube_mapping.txt of MSVD-QA, if the videos have the names "
      "of YouTube instead; \"\": none",
      path());
    v("frames", frames,
      "number of frames that are taken of each video: of a subfolder, the middle one of as many parts of "
      "equal "
      "length; of a file, from the first to the last at equal distances; all, if there are fewer",
      between(1, 1024));
    v("fps", fps,
      "pictures per second in the subfolders, for models that are told the time of each frame; null: unknown",
      more_than(0));
    v("kind", kind, "the field of a question that gives the kind of record, such as category_id; \"\": none");
    SelectionParams::visit(v);
  }
};

/// The frames that are taken of one video.
struct Video {
  std::vector<std::string> frames;  // files below the folder of videos; or the video itself
  std::vector<double> timestamps;   // seconds
  bool is_file = false;
};

class QuestionReader {
 public:
  QuestionReader(const VideoQaParams& params, const SourceFile& file) : params_(params), file_(file) {
    if (!params.mapping.empty()) read_mapping();
  }

  std::vector<Entry> read() {
    read_json_records(file_, {{"", [this](const FileRecord& record) { add(record); }}});
    return std::move(entries_);
  }

 private:
  void add(const FileRecord& record) {
    Entry entry;
    entry.id = entry.question_id = record.id("id");
    entry.question = record.text("question");
    if (record.find("answer")) entry.references = {record.text("answer")};
    if (!entries_.empty() && entries_.front().references.empty() != entry.references.empty())
      record.fail("some records have an `answer`, others do not; expected it in all or in none");
    entry.kind = kind_of(record, {params_.kind, true});
    entry.is_video = true;
    const Video& video = video_of(record);
    entry.pictures = video.frames;
    entry.timestamps = video.timestamps;
    if (video.is_file) entry.frames_of_file = params_.frames;
    entry.offset = record.offset();
    entries_.push_back(std::move(entry));
  }

  const Video& video_of(const FileRecord& record) {
    std::string name = fill_pattern(params_.video_name, {{"video_id", record.id("video_id").text}});
    if (!params_.mapping.empty()) {
      const auto found = mapping_.find(name);
      if (found == mapping_.end())
        record.fail(cat(quoted(params_.mapping), " has no line for the video ", quoted(name),
                        "; check `video_name`"));
      name = found->second;
    }
    const auto [found, is_new] = videos_.try_emplace(name);
    if (is_new) found->second = sampled(name);
    return found->second;
  }

  /// The file of the video, or the middle frame of each of params.frames equal parts of its folder.
  Video sampled(const std::string& name) const {
    std::error_code failed;
    if (!fs::is_directory(fs::path(params_.videos) / name, failed)) {
      for (const char* suffix : {"", ".mp4", ".avi", ".webm", ".mkv", ".mov"}) {
        if (fs::is_regular_file(fs::path(params_.videos) / (name + suffix), failed))
          return {{name + suffix}, {}, true};
      }
    }
    std::vector<std::string> all;
    for (const fs::path& path : list_folder(fs::path(params_.videos) / name, failed))
      if (is_picture(path) && !path.filename().string().starts_with('.'))
        all.push_back(path.filename().string());
    if (all.empty()) return {{name + "/*"}, {}, false};  // which is missing
    std::sort(all.begin(), all.end(), is_before);
    Video video;
    const size_t count = std::min(all.size(), static_cast<size_t>(params_.frames));
    for (size_t i = 0; i < count; ++i) {
      const size_t frame = (2 * i + 1) * all.size() / (2 * count);
      video.frames.push_back((fs::path(name) / all[frame]).string());
      if (params_.fps) video.timestamps.push_back(static_cast<double>(frame) / *params_.fps);
    }
    return video;
  }

  /// Lines "NAME VIDEO".
  void read_mapping() {
    const SourceFile file(params_.mapping);
    const std::string_view text = file.bytes();
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      std::string_view line = text.substr(begin, end - begin);
      line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
      const size_t space = line.find(' ');
      const auto bad = [&](const std::string& what) { throw Error(file.place(begin), what); };
      if (!line.empty() && (space == 0 || space == std::string_view::npos))
        bad(cat("expected a line NAME VIDEO, found ", quoted(line)));
      if (!line.empty() && !mapping_.emplace(line.substr(space + 1), line.substr(0, space)).second)
        bad(cat("the video ", quoted(line.substr(space + 1)), " has a line already"));
      begin = end + 1;
    }
  }

  const VideoQaParams& params_;
  const SourceFile& file_;
  std::vector<Entry> entries_;
  std::unordered_map<std::string, Video> videos_;
  std::unordered_map<std::string, std::string> mapping_;
};

class VideoQa final : public EntryDataset {
 public:
  VideoQa(const VideoQaParams& params, const Input& input) : EntryDataset(params.videos, "videos") {
    const SourceFile file(params.questions);
    set_entries(QuestionReader(params, file).read(), file, params, input);
  }
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<VideoQa, VideoQaParams>(
      "video_qa",
      "videos, as files or folders of frames, with questions from the files of MSVD-QA or MSRVTT-QA");
}

}  // namespace flam
