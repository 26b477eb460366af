#pragma once
// A folder with one subfolder of pictures for each class, as torchvision's ImageFolder reads it.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "framework/sdk.h"

namespace flam {

struct ClassFolders {
  struct Picture {
    std::string path;
    int64_t label = 0;
  };
  std::vector<std::string> names;  // of the classes: those of the subfolders
  std::vector<Picture> pictures;
};

/// The pictures in the subfolders of `folder`, at any depth, sorted by class and path. `classes` is a text
/// file whose lines begin with the classes' names, in their order, each followed by a tab or the line's end;
/// "": the subfolders' names, sorted by their bytes. Hidden files and folders, and files without the suffix
/// of a picture, are left out. Error: fewer than two classes, a class without pictures, or folders and the
/// file's classes that differ.
ClassFolders read_class_folders(const std::string& folder, const std::string& classes);

/// Features of pictures, by their paths.
class StoredFeatures {
 public:
  /// Opens a file that `flam features` wrote. Error: it is another kind of file.
  explicit StoredFeatures(const std::string& path);
  /// The features [P,D] of a picture. Error: the file has none of it.
  at::Tensor of(const std::string& picture) const;

 private:
  std::string path_;
  at::Tensor features_;  // [N,P,D]
  std::map<std::string, int64_t> rows_;
};

}  // namespace flam
