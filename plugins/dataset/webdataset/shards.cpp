#include "plugins/dataset/webdataset/shards.h"

#include <algorithm>
#include <filesystem>
#include <unordered_set>

namespace flam {

namespace fs = std::filesystem;

namespace {

constexpr size_t kMostShards = 100'000;

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::vector<std::string> shards_in(const std::string& folder) {
  std::error_code failed;
  std::vector<std::string> out;
  for (const fs::path& path : list_folder(folder, failed))
    if (path.extension() == ".tar" && !path.filename().string().starts_with('.'))
      out.push_back(path.string());
  if (failed) throw Error(cat("cannot read the folder ", quoted(folder), ": ", failed.message()));
  if (out.empty()) throw Error(cat("the folder ", quoted(folder), " has no .tar files"));
  std::sort(out.begin(), out.end());
  return out;
}

/// Replaces the ranges in a text by their numbers.
std::vector<std::string> expand(const std::string& text) {
  const size_t open = text.find('{'), close = text.find('}', open);
  if (open == std::string::npos || close == std::string::npos) return {text};
  const std::string range = text.substr(open + 1, close - open - 1),
                    first = range.substr(0, range.find(".."));
  const std::string last = first.size() < range.size() ? range.substr(first.size() + 2) : "";
  const auto is_number = [](const std::string& digits) {
    return !digits.empty() && digits.size() < 10 &&
           digits.find_first_not_of("0123456789") == std::string::npos;
  };
  if (!is_number(first) || !is_number(last) || std::stoul(first) > std::stoul(last))
    throw Error(cat("`shards`: ", quoted(range),
                    " is not a range; expected {FIRST..LAST}, such as {000000..000009}"));
  const std::vector<std::string> rests = expand(text.substr(close + 1));
  if ((std::stoul(last) - std::stoul(first) + 1) * rests.size() > kMostShards)
    throw Error(cat("`shards` names more than ", kMostShards, " files"));
  std::vector<std::string> out;
  for (size_t i = std::stoul(first); i <= std::stoul(last); ++i) {
    std::string number = std::to_string(i);
    if (number.size() < first.size()) number.insert(0, first.size() - number.size(), '0');
    for (const std::string& rest : rests) out.push_back(text.substr(0, open) + number + rest);
  }
  return out;
}

}  // namespace

std::vector<std::string> shard_paths(const std::string& text) {
  return fs::is_directory(text) ? shards_in(text) : expand(text);
}

void add_samples(const MappedFile& archive, size_t shard, const Extensions& extensions,
                 std::vector<Sample>& out) {
  const size_t begin = out.size();
  std::unordered_set<std::string> keys;
  for (const TarMember& member : list_tar(archive)) {
    const size_t base = member.name.rfind('/') + 1;  // 0 if there is no slash
    const size_t dot = member.name.find('.', base);
    if (dot == std::string::npos || dot == base) continue;
    const std::string key = member.name.substr(0, dot), extension = lower(member.name.substr(dot + 1));
    const auto& pictures = extensions.picture;
    const bool is_picture = std::find(pictures.begin(), pictures.end(), extension) != pictures.end();
    if (!is_picture && extension != extensions.text && extension != extensions.json) continue;
    const auto fail = [&](const char* what) {
      throw Error(cat(quoted(archive.path().string()), ": ", quoted(member.name), " ", what));
    };
    if (out.size() == begin || out.back().key != key) {
      if (!keys.insert(key).second) fail("is apart from the other members of its sample");
      Sample sample;
      sample.shard = shard;
      sample.key = key;
      out.push_back(std::move(sample));
    }
    Sample& sample = out.back();
    TarRange& range = is_picture ? sample.picture : extension == extensions.text ? sample.text : sample.json;
    if (range.there) fail(is_picture ? "is a second picture in its sample" : "is in its sample twice");
    range = {member.offset, member.size, true};
    if (is_picture) sample.extension = extension;
  }
}

}  // namespace flam
