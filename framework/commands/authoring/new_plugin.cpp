#include "framework/commands/authoring/new_plugin.h"

#include <unistd.h>

#include <algorithm>

#include "framework/base/error.h"
#include "framework/base/file.h"
#include "framework/base/list_folder.h"
#include "framework/base/text.h"
#include "framework/recipe/paths.h"
#include "framework/registry/check.h"
#include "framework/registry/registry.h"

namespace flam {

namespace fs = std::filesystem;

namespace {

/// "average_pool" → "AveragePool".
std::string camel_case(const std::string& name) {
  std::string out;
  bool upper = true;
  for (const char c : name) {
    if (c == '_') {
      upper = true;
      continue;
    }
    out += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    upper = false;
  }
  return out;
}

struct Names {
  std::string kind, name, type;

  std::string in(std::string text) const {
    const std::pair<const char*, const std::string*> placeholders[] = {
        {"my_kind", &kind}, {"my_component", &name}, {"MyComponent", &type}};
    for (const auto& [placeholder, value] : placeholders) {
      const std::string what = placeholder;
      for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + value->size()))
        text.replace(at, what.size(), *value);
    }
    return text;
  }
};

void require_empty(const fs::path& folder) {
  std::error_code failed;
  const fs::file_status status = fs::status(folder, failed);
  if (!fs::exists(status)) return;
  if (!fs::is_directory(status)) throw Error(cat(quoted(folder.string()), "  exists and is not a folder"));
  const bool empty = fs::is_empty(folder, failed);
  if (failed) throw Error(cat(quoted(folder.string()), " can't be read: ", failed.message()));
  if (!empty) throw Error(cat("the folder ", quoted(folder.string()), " is not empty; name a new one"));
}

}  // namespace

std::vector<fs::path> new_plugin(const std::string& kind, const std::string& name, const fs::path& folder,
                                 const Registry& registry) {
  check_kind_and_name(kind, name);
  const auto& kinds = component_kinds();
  if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end())
    throw Error(cat("there is no skeleton for the kind ", quoted(kind), " (known: ", join(kinds, ", "), ")"));
  if (name.front() < 'a' || name.front() > 'z') {
    throw Error(
        cat("the name ", quoted(name), " becomes the name of a class, so it must begin with a letter"));
  }
  for (const auto& listed : registry.list(kind)) {
    if (listed.name != name) continue;
    throw Error(
        cat("there is a ", kind, " ", quoted(name), " already, in ", quoted(listed.origin.string()),
            "; choose another name, because a config can't distinguish two components of the same name"));
  }
  require_empty(folder);
  std::vector<fs::path> sources;
  for (const fs::path& from : {templates_root() / "common", templates_root() / kind}) {
    std::error_code failed;
    for (const fs::path& source : list_folder(from, failed)) sources.push_back(source);
    if (failed) throw RunError(cat("no templates in ", quoted(from.string()), ": ", failed.message()));
  }
  // Ends with the kind, so that it is not the name of an SDK class such as Linear or Resampler.
  const bool with_kind = name.ends_with("_" + kind);
  const Names names{kind, name, camel_case(with_kind ? name : name + "_" + kind)};
  fs::path target = fs::absolute(folder).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();
  // Written to a temporary folder and then renamed, so that no partial skeleton remains if the disk is full.
  fs::path aside = target;
  aside += cat(".new-", getpid());
  const auto made = [&](const std::error_code& failed) {
    if (failed)
      throw RunError(cat("can't make the folder ", quoted(folder.string()), ": ", failed.message()));
  };
  std::vector<fs::path> written;
  std::error_code failed;
  try {
    fs::create_directories(aside, failed);
    made(failed);
    for (const fs::path& source : sources) {
      const std::string file = names.in(source.filename().string());
      write_file(aside / file, names.in(read_file(source, size_t{1} << 20)));
      written.push_back(folder / file);
    }
    fs::rename(aside, target, failed);
    made(failed);
  } catch (...) {
    fs::remove_all(aside, failed);
    throw;
  }
  std::sort(written.begin(), written.end());
  return written;
}

}  // namespace flam
