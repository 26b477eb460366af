#include "plugins/dataset/shared/entries.h"

#include <algorithm>
#include <filesystem>
#include <unordered_map>

namespace flam {

namespace fs = std::filesystem;

void EntryParams::visit(ParamVisitor& v) {
  v("images", images, "folder of the pictures", required(), path());
  SelectionParams::visit(v);
}

void SelectionParams::visit(ParamVisitor& v) {
  v("skip_missing", skip_missing,
    "whether records whose picture is missing are left out and counted; false: they are an error");
  v("shuffle", shuffle, "whether the records are in random order; false: in the order of the file");
  v("seed", seed, "seed of the random order");
  v("limit", limit, "maximum number of records, counted after shuffling; null: all", at_least(1));
}

void refuse_duplicate_ids(const std::vector<Entry>& entries, const SourceFile& file) {
  std::unordered_map<std::string_view, size_t> seen;
  seen.reserve(entries.size());
  for (const Entry& entry : entries) {
    const auto [first, is_new] = seen.emplace(entry.id.text, entry.offset);
    if (is_new) continue;
    throw Error(file.place(entry.offset),
                cat("the id ", quoted(entry.id.text), " is already that of the record at ",
                    file.place(first->second).str(), "; each record needs its own"));
  }
}

EntryDataset::EntryDataset(const std::string& folder, const char* parameter)
    : folder_(folder), parameter_(parameter) {
  if (!fs::is_directory(folder))
    throw Error(cat("the folder ", quoted(folder), ", which `", parameter, "` names, is not there"));
}

void EntryDataset::set_entries(std::vector<Entry> entries, const SourceFile& file,
                               const SelectionParams& params, const Input& input) {
  entries_ = std::move(entries);
  if (entries_.empty()) throw Error(cat(quoted(file.path()), " has no records"));
  refuse_duplicate_ids(entries_, file);
  for (const Entry& entry : entries_) {
    for (const std::string& picture : entry.pictures) {
      if (picture.empty() || picture.find('\0') != std::string::npos) {
        throw Error(file.place(entry.offset),
                    cat("a picture must be the name of a file, found ", quoted(picture)));
      }
    }
  }
  params.order(entries_, input);
  select(file, params, params.limit_of(input));
  records_per_picture_ = input.records_per_picture.value_or(1);
}

/// Keeps up to `limit` entries whose pictures are there.
void EntryDataset::select(const SourceFile& file, const SelectionParams& params,
                          std::optional<int64_t> limit) {
  std::unordered_map<std::string, bool> there;
  const auto is_there = [&](const std::string& picture) {
    const auto [found, is_new] = there.emplace(picture, false);
    std::error_code ignored;
    if (is_new) found->second = fs::exists(fs::path(folder_) / picture, ignored);
    return found->second;
  };
  std::vector<Entry> kept;
  const Entry* first_missing = nullptr;
  for (Entry& entry : entries_) {
    if (limit && std::ssize(kept) >= *limit) break;
    if (std::all_of(entry.pictures.begin(), entry.pictures.end(), is_there)) {
      kept.push_back(std::move(entry));
      continue;
    }
    ++skipped_;
    if (!first_missing) first_missing = &entry;
    if (!params.skip_missing && limit && std::ssize(kept) + skipped_ >= *limit) break;
  }
  if (first_missing && (!params.skip_missing || kept.empty())) {
    const auto missing =
        std::find_if_not(first_missing->pictures.begin(), first_missing->pictures.end(), is_there);
    const bool is_video = first_missing->is_video;
    throw Error(
        file.place(first_missing->offset),
        cat(is_video ? "the frames " : "the picture ", quoted((fs::path(folder_) / *missing).string()),
            " of record ", quoted(first_missing->id.text), is_video ? " are" : " is", " not there (",
            skipped_, " of ", counted(std::ssize(kept) + skipped_, "record"),
            is_video ? " have no frames)" : " have no picture)",
            is_video
                ? "; expected a folder with the frames of each video as pictures, or the file of the video"
                : "",
            "; check `", parameter_, "`",
            params.skip_missing ? "" : ", or set skip_missing: true to leave such records out"));
  }
  entries_ = std::move(kept);
  entries_.shrink_to_fit();
}

Record EntryDataset::at(int64_t index) const {
  const Entry& entry = entries_.at(static_cast<size_t>(index / records_per_picture_));
  Record record;
  record.request.id = entry.id.text;
  Part part{entry.is_video ? Part::Kind::frames : Part::Kind::image, "", {}};
  for (const std::string& picture : entry.pictures)
    part.pictures.push_back({(fs::path(folder_) / picture).string(), nullptr, {}});
  // What video_file_part() of framework/request gives.
  if (entry.frames_of_file > 0) part.text = cat("video frames ", entry.frames_of_file);
  part.timestamps = entry.timestamps;
  record.request.parts.push_back(std::move(part));
  if (!entry.question.empty()) record.request.parts.push_back({Part::Kind::text, entry.question, {}});
  record.request.candidates = entry.candidates;
  record.references = entry.references;
  // In training, records of the same picture differ in the reference that is trained.
  if (!record.references.empty()) {
    const auto turn = index % records_per_picture_ % std::ssize(record.references);
    std::rotate(record.references.begin(), record.references.begin() + turn, record.references.end());
  }
  record.kind = entry.kind;
  record.facts = Value::map();
  if (!entry.image_id.text.empty()) record.facts.set("image_id", entry.image_id.value());
  if (!entry.question_id.text.empty()) record.facts.set("question_id", entry.question_id.value());
  return record;
}

std::string fill_pattern(const std::string& pattern,
                         const std::vector<std::pair<std::string, std::string>>& values) {
  std::string out;
  std::vector<std::string> known;
  for (const auto& [name, value] : values) known.push_back(cat("{", name, "}"));
  const auto fail = [&](const std::string& what) {
    throw Error(cat("the pattern ", quoted(pattern), " ", what, "; expected text with ", join(known, ", "),
                    " or, with leading zeros, {NAME:012}"));
  };
  for (size_t at = 0; at < pattern.size();) {
    if (pattern[at] == '}') fail("has a } without a {");
    if (pattern[at] != '{') {
      out += pattern[at++];
      continue;
    }
    const size_t close = pattern.find('}', at);
    if (close == std::string::npos) fail("has a { without a }");
    const std::string inside = pattern.substr(at + 1, close - at - 1);
    at = close + 1;
    const size_t colon = inside.find(':');
    const auto found = std::find_if(values.begin(), values.end(), [&](const auto& value) {
      return value.first == inside.substr(0, colon);
    });
    if (found == values.end()) fail(cat("has the unknown name ", quoted(inside.substr(0, colon))));
    if (colon != std::string::npos) {
      const std::string width = inside.substr(colon + 1);
      if (width.size() < 2 || width.size() > 3 ||
          width.find_first_not_of("0123456789") != std::string::npos || width[0] != '0')
        fail(cat("has the width ", quoted(width)));
      const size_t digits = std::stoul(width);
      if (found->second.size() < digits) out.append(digits - found->second.size(), '0');
    }
    out += found->second;
  }
  return out;
}

void put_most_frequent_first(std::vector<std::string>& texts) {
  auto best = texts.begin();
  std::ptrdiff_t most = 0;
  for (auto text = texts.begin(); text != texts.end(); ++text) {
    const auto times = std::count(texts.begin(), texts.end(), *text);
    if (times > most) best = text;
    most = std::max(most, times);
  }
  if (best != texts.begin()) std::rotate(texts.begin(), best, best + 1);
}

KindField kind_field(const std::string& param, const char* of_format) {
  if (param == "auto") return {of_format, false};
  return {param, !param.empty()};
}

std::string kind_of(const FileRecord& record, const KindField& kind) {
  if (kind.field.empty()) return "";
  if (kind.required && !record.find(kind.field))
    record.fail(
        cat("expected the field `", kind.field, "`, which the parameter `kind` names; it is missing"));
  return record.shown(kind.field);
}

}  // namespace flam
