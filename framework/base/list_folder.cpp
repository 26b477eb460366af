#include "framework/base/list_folder.h"

#include <dirent.h>

#include <cerrno>
#include <memory>
#include <string_view>

namespace flam {

std::vector<std::filesystem::path> list_folder(const std::filesystem::path& folder, std::error_code& failed) {
  failed.clear();
  std::vector<std::filesystem::path> paths;
  struct Close {
    void operator()(DIR* stream) const { ::closedir(stream); }
  };
  const std::unique_ptr<DIR, Close> stream(::opendir(folder.c_str()));
  if (!stream) {
    failed.assign(errno, std::generic_category());
    return paths;
  }
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (!entry) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") paths.push_back(folder / name);
  }
  if (errno != 0) failed.assign(errno, std::generic_category());
  return paths;
}

}  // namespace flam
