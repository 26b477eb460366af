#include "framework/request/folder.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

#include "framework/base/list_folder.h"
#include "framework/media/picture_format.h"

namespace flam {

namespace fs = std::filesystem;

namespace {

class Walk {
 public:
  Walk(bool recursive, LeftOut& left_out, const std::function<bool()>& stopped)
      : recursive_(recursive), left_out_(left_out), stopped_(stopped) {}

  /// Everything in a folder. What is reached through links comes after what is there without them, so that a
  /// folder is known by its own path if it has one below the first folder.
  void run(const std::string& folder);
  std::vector<FolderEntry> found;

 private:
  void enter(const std::string& folder);

  bool recursive_;
  LeftOut& left_out_;
  std::deque<std::string> links_;  // to folders
  const std::function<bool()>& stopped_;
  std::set<std::pair<dev_t, ino_t>> entered_;
};

void Walk::run(const std::string& folder) {
  enter(folder);
  for (; !links_.empty() && !(stopped_ && stopped_()); links_.pop_front()) enter(links_.front());
  std::sort(found.begin(), found.end(),
            [](const FolderEntry& a, const FolderEntry& b) { return a.path < b.path; });
}

void Walk::enter(const std::string& folder) {
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) {
    found.push_back({folder, {errno, std::generic_category()}});
    return;
  }
  const std::pair identity(status.st_dev, status.st_ino);
  if (!entered_.insert(identity).second) return left_out_.add_loop();

  const std::string prefix = folder.ends_with('/') ? folder : folder + '/';
  std::vector<std::string>
      paths;  // folders end in '/', so that their contents are sorted correctly among the files
  std::error_code failed, ignored;
  // Each folder is read completely before a subfolder is entered, so only one is open at a time at any depth.
  for (const fs::path& found : list_folder(folder, failed)) {
    const std::string name = found.filename().string(), path = prefix + name;
    if (name.starts_with('.')) {
      left_out_.add_hidden();
    } else if (fs::is_directory(found, ignored)) {
      if (recursive_ && fs::is_symlink(found, ignored)) {
        links_.push_back(path);
      } else if (recursive_) {
        paths.push_back(path + '/');
      } else {
        left_out_.add_subfolder();
      }
    } else if (fs::is_regular_file(found, ignored) || !fs::exists(found, ignored)) {  // or a broken link
      paths.push_back(path);
    } else {
      left_out_.add_special_file();
    }
  }
  if (failed) found.push_back({folder, failed});
  std::sort(paths.begin(), paths.end());
  for (std::string& path : paths) {
    if (stopped_ && stopped_()) break;
    if (path.ends_with('/')) {
      path.pop_back();
      enter(path);
    } else {
      found.push_back({std::move(path), {}});
    }
  }
}

bool is_named_like_a_picture(const std::string& path) {
  static const std::set<std::string> kSuffixes = {
      ".png", ".jpg",  ".jpeg", ".jpe",  ".jfif", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".pbm",
      ".pgm", ".ppm",  ".pnm",  ".heic", ".heif", ".avif", ".jxl", ".jp2", ".ico", ".tga", ".pcx",  ".psd",
      ".svg", ".svgz", ".apng", ".pam",  ".pfm",  ".exr",  ".hdr", ".dng", ".cr2", ".nef", ".arw"};
  std::string suffix = fs::path(path).extension().string();
  std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return kSuffixes.contains(suffix);
}

}  // namespace

std::vector<FolderEntry> list_folder(const std::string& folder, bool recursive, LeftOut& left_out,
                                     const std::function<bool()>& stopped) {
  Walk walk(recursive, left_out, stopped);
  walk.run(folder);
  return std::move(walk.found);
}

bool is_meant_as_picture(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return true;
  std::array<char, kSniffedBytes> bytes{};
  file.read(bytes.data(), bytes.size());
  if (file.bad()) return true;
  switch (sniff_picture({bytes.data(), static_cast<size_t>(file.gcount())})) {
    case PictureFormat::none:
    case PictureFormat::html:
    case PictureFormat::git_lfs_pointer:
      return is_named_like_a_picture(path);
    default:
      return true;
  }
}

}  // namespace flam
