#include "plugins/dataset/image_folder/class_folders.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

#include "plugins/dataset/shared/picture_names.h"

namespace flam {

namespace {

namespace fs = std::filesystem;

bool is_hidden(const fs::path& path) {
  return path.filename().string().starts_with('.');
}

std::string shown(const fs::path& path) {
  return quoted(path.string());
}

std::vector<fs::path> listed(const fs::path& folder) {
  std::error_code failed;
  auto paths = list_folder(folder, failed);
  if (failed) throw fs::filesystem_error("the folder can't be listed", folder, failed);
  return paths;
}

std::vector<std::string> subfolders_of(const std::string& folder) {
  std::vector<std::string> names;
  for (const fs::path& path : listed(folder)) {
    if (!is_hidden(path) && fs::is_directory(path)) names.push_back(path.filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

void add_pictures(const fs::path& folder, std::vector<std::string>& paths) {
  for (const fs::path& path : listed(folder)) {
    if (is_hidden(path)) continue;
    if (fs::is_directory(path)) {
      if (!fs::is_symlink(path)) add_pictures(path, paths);
    } else if (is_picture(path)) {
      paths.push_back(path.string());
    }
  }
}

std::vector<std::string> pictures_below(const fs::path& folder) {
  std::vector<std::string> paths;
  add_pictures(folder, paths);
  std::sort(paths.begin(), paths.end());
  return paths;
}

/// The names in the file of classes, which must be those of the folders.
std::vector<std::string> listed_names(const std::string& file, const std::string& folder,
                                      const std::vector<std::string>& folders) {
  std::vector<std::string> names;
  const auto mapped = MappedFile::open(file);
  for (std::string_view rest = mapped->size() > 0 ? mapped->bytes() : ""; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    names.emplace_back(line.substr(0, line.find_first_of("\t\r")));
    const std::string place = cat(printable(file, 4096), ":", names.size());
    if (!std::binary_search(folders.begin(), folders.end(), names.back())) {
      throw Error(cat(place, ": ", shown(folder), " has no subfolder for the class ", quoted(names.back()),
                      did_you_mean(names.back(), folders)));
    }
    if (std::count(names.begin(), names.end(), names.back()) > 1)
      throw Error(cat(place, ": ", quoted(names.back()), " is already the name of another class"));
  }
  for (const std::string& name : folders) {
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw Error(cat("the subfolder ", shown(fs::path(folder) / name), " is not among the ", names.size(),
                      " classes of ", quoted(file), "; add a line for it, or move it away"));
  }
  return names;
}

/// The path of a file that is the same from every folder and through every link.
std::string key_of(const std::string& path) {
  std::error_code problem;
  const fs::path key = fs::weakly_canonical(path, problem);
  return problem ? path : key.string();
}

}  // namespace

ClassFolders read_class_folders(const std::string& folder, const std::string& classes) {
  ClassFolders out;
  try {
    const std::vector<std::string> folders = subfolders_of(folder);
    if (folders.size() < 2) {
      throw Error(cat(shown(folder), " has ",
                      folders.empty() ? "no subfolder" : cat("only one subfolder, ", quoted(folders.front())),
                      "; expected at least two, one for each class (CLASS/PICTURE.jpg), or a file of "
                      "annotations"));
    }
    out.names = classes.empty() ? folders : listed_names(classes, folder, folders);
    for (size_t label = 0; label < out.names.size(); ++label) {
      const fs::path of_class = fs::path(folder) / out.names[label];
      const std::vector<std::string> paths = pictures_below(of_class);
      if (paths.empty()) {
        throw Error(cat("the class folder ", shown(of_class),
                        " has no pictures (.jpg, .png, .webp, …); add some, or remove it"));
      }
      for (const std::string& path : paths) out.pictures.push_back({path, static_cast<int64_t>(label)});
    }
  } catch (const fs::filesystem_error& error) {
    throw Error(cat("cannot read the folder ", shown(error.path1()), ": ", error.code().message()));
  }
  return out;
}

StoredFeatures::StoredFeatures(const std::string& path) : path_(path) {
  const auto checkpoint = open_checkpoint(path);
  const auto fail = [&] {
    throw Error(cat("`features` ", quoted(path),
                    " is not a file that `flam features` writes, with `features` of pictures and their ids"));
  };
  const auto metadata = checkpoint->metadata();
  const auto found = metadata.find("ids");
  if (found == metadata.end() || !std::ranges::binary_search(checkpoint->names(), "features")) fail();
  features_ = checkpoint->tensor("features");
  const auto flat = [](int depth, nlohmann::json::parse_event_t, nlohmann::json&) { return depth <= 1; };
  const auto ids = nlohmann::json::parse(found->second, flat, /*allow_exceptions=*/false);
  if (!ids.is_array() || features_.dim() != 3 || !features_.is_floating_point() ||
      features_.size(0) != static_cast<int64_t>(ids.size()))
    fail();
  for (size_t row = 0; row < ids.size(); ++row) {
    if (!ids[row].is_string()) fail();
    // A picture that is there twice, through a link, has equal features in both rows.
    rows_.emplace(key_of(ids[row].get<std::string>()), static_cast<int64_t>(row));
  }
}

at::Tensor StoredFeatures::of(const std::string& picture) const {
  const auto found = rows_.find(key_of(picture));
  if (found != rows_.end()) return features_.select(0, found->second);
  throw Error(cat("`features` ", quoted(path_), " has no features of ", quoted(picture),
                  "; run `flam features` on all pictures from the same folder as this command, and remove "
                  "pictures that can't be read"));
}

}  // namespace flam
