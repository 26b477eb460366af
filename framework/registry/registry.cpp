// Lists the available components from manifests and loads their libraries on first use.

#include "framework/registry/registry.h"

#include <algorithm>
#include <deque>
#include <tuple>

#include "framework/base/error.h"
#include "framework/base/text.h"
#include "framework/registry/check.h"

namespace flam {

namespace {
std::vector<ComponentType> load_types(const std::filesystem::path& library) {
  const auto enroll = [&](const FlamPluginStamp& stamp) {
    Registrar registrar(library);
    try {
      stamp.enroll(&registrar);
    } catch (const std::exception& e) {
      throw Error(cat("fails to enroll its components: ", printable(e.what(), 1000)));
    } catch (...) {
      throw Error("fails to enroll its components: throws something that is not a std::exception");
    }
    return registrar.take();
  };
  const FlamPluginStamp* stamp = open_plugin(library, {.rehearse = enroll});
  try {
    return enroll(*stamp);
  } catch (const Error& e) {
    throw Error(cat("plugin ", quoted(library.string()), " ", e.what()));
  }
}

/// "resampler 'perceiver', …", sorted.
template <class Components>
std::string names_of(const Components& components) {
  std::vector<std::string> names;
  names.reserve(components.size());
  for (const auto& c : components) names.push_back(cat(c.kind, " ", quoted(c.name)));
  std::sort(names.begin(), names.end());
  return names.empty() ? "nothing" : join(names, ", ");
}
}  // namespace

struct Registry::State {
  struct Entry {
    std::string kind, name, doc;
    std::filesystem::path origin;
    std::unique_ptr<ComponentType> type;  // null until the library is loaded
  };

  mutable std::mutex mutex;
  std::deque<Entry> entries;
  std::vector<FoundLibrary> libraries;
  std::vector<Problem> problems;
  std::vector<Problem> failures;  // of loading on first use, which is not tried again

  void list_manifest(const std::filesystem::path& library, const Manifest& manifest);
  void add(ComponentType type);
  void load_listed(const std::filesystem::path& library);
  std::string unknown(const std::string& kind, const std::string& name) const;
};

void Registry::State::list_manifest(const std::filesystem::path& library, const Manifest& manifest) {
  if (const auto differences = compare_stamp(manifest.stamp); !differences.empty()) {
    throw Error(cat("plugin ", quoted(library.string()), " was built for another program: ",
                    join(differences, "; "), "; build it again with this SDK"));
  }
  for (const auto& c : manifest.components) check_kind_and_name(c.kind, c.name);
  for (const auto& c : manifest.components)
    entries.push_back({c.kind, c.name, printable(c.doc), library, nullptr});
}

void Registry::State::add(ComponentType type) {
  Entry entry{type.kind, type.name, type.doc, type.origin, nullptr};
  entry.type = std::make_unique<ComponentType>(std::move(type));
  entries.push_back(std::move(entry));
}

void Registry::State::load_listed(const std::filesystem::path& library) {
  for (const auto& failure : failures) {
    if (failure.library == library) throw Error(failure.message);
  }
  try {
    auto types = load_types(library);
    std::vector<Entry*> listed;
    for (auto& entry : entries) {
      if (entry.origin == library) listed.push_back(&entry);
    }
    std::vector<Manifest::Component> promised;
    promised.reserve(listed.size());
    for (const Entry* entry : listed) promised.push_back({entry->kind, entry->name, ""});
    if (names_of(promised) != names_of(types)) {
      throw Error(cat("plugin ", quoted(library.string()), " differs from its manifest: the manifest lists ",
                      names_of(promised), ", the library has ", names_of(types),
                      "; run flam-manifest on it"));
    }
    for (auto& type : types) {
      const auto same = [&](const Entry* e) { return e->kind == type.kind && e->name == type.name; };
      Entry& entry = **std::find_if(listed.begin(), listed.end(), same);
      entry.type = std::make_unique<ComponentType>(std::move(type));
    }
  } catch (const std::exception& e) {
    failures.push_back({library, e.what()});
    throw;
  }
}

std::string Registry::State::unknown(const std::string& kind, const std::string& name) const {
  std::vector<std::string> names;
  for (const auto& entry : entries) {
    if (entry.kind == kind) names.push_back(entry.name);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::string text = cat("there is no ", kind, " ", quoted(name), did_you_mean(name, names),
                         " (known: ", names.empty() ? "none" : join(names, ", "), ")");
  if (did_you_mean(name, names).empty())
    text += "; plugins of your own are found with --plugin-path FOLDER or FLAM_PLUGIN_PATH";
  for (const auto& problem : problems) text += "\n  not loaded: " + problem.message;
  return text;
}

Registry::Registry() : state_(std::make_unique<State>()) {}
Registry::~Registry() = default;

void Registry::scan(const std::vector<std::filesystem::path>& folders) {
  for (auto& found : find_libraries(folders)) {
    const std::lock_guard lock(state_->mutex);
    state_->libraries.push_back(found);
    if (!found.shadowed_by.empty()) continue;
    try {
      const auto manifest = read_manifest(found.path);
      std::error_code no_size;  // for example of a folder; loading reports it
      if (manifest && manifest->size == std::filesystem::file_size(found.path, no_size) && !no_size) {
        state_->list_manifest(found.path, *manifest);
      } else {
        for (auto& type : load_types(found.path)) state_->add(std::move(type));
      }
    } catch (const std::exception& e) {
      state_->problems.push_back({found.path, e.what()});
    }
  }
}

void Registry::load(const std::filesystem::path& library) {
  auto types = load_types(library);
  const std::lock_guard lock(state_->mutex);
  state_->libraries.push_back({library, {}});
  for (auto& type : types) state_->add(std::move(type));
}

void Registry::add(ComponentType type) {
  check_kind_and_name(type.kind, type.name);
  const std::lock_guard lock(state_->mutex);
  state_->add(std::move(type));
}

std::vector<Registry::Listed> Registry::list(const std::string& kind) const {
  const std::lock_guard lock(state_->mutex);
  std::vector<Listed> listed;
  for (const auto& e : state_->entries) {
    if (kind.empty() || e.kind == kind)
      listed.push_back({e.kind, e.name, e.doc, e.origin, e.type != nullptr});
  }
  std::sort(listed.begin(), listed.end(), [](const Listed& a, const Listed& b) {
    return std::tie(a.kind, a.name, a.origin) < std::tie(b.kind, b.name, b.origin);
  });
  return listed;
}

std::vector<Registry::Problem> Registry::problems() const {
  const std::lock_guard lock(state_->mutex);
  return state_->problems;
}
std::vector<FoundLibrary> Registry::libraries() const {
  const std::lock_guard lock(state_->mutex);
  return state_->libraries;
}

const ComponentType& Registry::find(const std::string& kind, const std::string& name, const Location& where) {
  const std::lock_guard lock(state_->mutex);
  try {
    check_kind_and_name(kind, "x");
    std::vector<State::Entry*> matching;
    for (auto& entry : state_->entries) {
      if (entry.kind == kind && entry.name == name) matching.push_back(&entry);
    }
    if (matching.empty()) throw Error(state_->unknown(kind, name));
    if (matching.size() > 1) {
      std::vector<std::string> origins;
      origins.reserve(matching.size());
      for (const auto* entry : matching) origins.push_back(quoted(entry->origin.string()));
      throw Error(cat(kind, " ", quoted(name), " comes from several plugins: ", join(origins, " and "),
                      "; remove one, or give it another name"));
    }
    if (!matching[0]->type) state_->load_listed(matching[0]->origin);
    return *matching[0]->type;
  } catch (const Error& e) {
    throw Error(where, e.what());
  }
}

}  // namespace flam
