#pragma once
// The samples of WebDataset shards.

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "plugins/dataset/webdataset/tar.h"

namespace flam {

/// The tar archives that a text names: one file, all .tar files of a folder in the order of their names, or
/// files whose names hold a range, as in train-{000000..000009}.tar. Error: there are none, or more than
/// 100,000.
std::vector<std::string> shard_paths(const std::string& text);

/// A part of an archive.
struct TarRange {
  size_t offset = 0, size = 0;
  bool there = false;
};

/// The members of an archive whose names differ only after the first dot.
struct Sample {
  size_t shard = 0;
  std::string key;        // the name up to that dot
  std::string extension;  // of the picture
  TarRange picture, text, json;
};

/// The endings, without the first dot, of members that are read.
struct Extensions {
  std::vector<std::string> picture;  // the first that a sample has
  std::string text, json;
};

/// Adds the samples of an archive. Members with other endings are left out, and so are hidden files. Error: a
/// sample has two members of one ending, or its members are apart from one another.
void add_samples(const MappedFile& archive, size_t shard, const Extensions& extensions,
                 std::vector<Sample>& out);

}  // namespace flam
