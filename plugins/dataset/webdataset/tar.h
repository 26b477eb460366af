#pragma once
// The table of contents of a tar archive: ustar, with pax headers and GNU long names.

#include <cstddef>
#include <string>
#include <vector>

#include "framework/sdk.h"

namespace flam {

/// A regular file in an archive.
struct TarMember {
  std::string name;
  size_t offset = 0, size = 0;  // of its content in the archive
};

/// Lists the regular files of an archive, in its order; folders, links and devices are left out. Error, with
/// the archive and the byte: it is no tar archive, is compressed, truncated or damaged, or has a sparse file.
std::vector<TarMember> list_tar(const MappedFile& archive);

}  // namespace flam
