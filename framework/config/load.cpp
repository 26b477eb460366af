// Reads config files: `_base_` and its chain, ${configs} and ${cwd} paths.

#include <algorithm>
#include <map>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/config/merge.h"

namespace flam {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kConfigs = "${configs}/", kCurrentFolder = "${cwd}/";
constexpr size_t kMaxFiles = 256;

class ConfigLoader {
 public:
  explicit ConfigLoader(fs::path root) : root_(std::move(root)) {}

  /// `named_at`: the place of the `_base_` entry; empty for the first file.
  Value load(const fs::path& path, const Location& named_at) {
    std::error_code failed;
    fs::path identity = fs::canonical(path, failed);
    if (failed) throw Error(named_at, cat("no config ", quoted(path.native()), through(path)));
    if (std::ranges::find(identities_, identity) != identities_.end()) {
      throw Error(named_at, cat("the '_base_' files form a cycle", through(path)));
    }
    if (++files_ > kMaxFiles)
      throw Error(named_at, cat("more than ", kMaxFiles, " '_base_' files", through(path)));
    chain_.push_back(path.native());
    identities_.push_back(std::move(identity));
    Value config = read(path, named_at);
    Value tree = inherited(config, path);
    config.erase("_base_");
    merge_value(tree, std::move(config));
    chain_.pop_back();
    identities_.pop_back();
    return tree;
  }

 private:
  Value read(const fs::path& path, const Location& named_at) const {
    std::string text;
    try {
      text = read_file(path, kMaxYamlBytes);
    } catch (const Error& error) {
      throw Error(named_at, error.what());
    }
    Value config = parse_yaml(text, path.native());
    if (!config.is_map()) {
      const Location file{std::make_shared<const std::string>(path.native())};
      throw Error(config.where().file ? config.where() : file,
                  cat("a config must be a map of settings, found ", config.describe()));
    }
    expand_configs_paths(config, root_);
    return config;
  }

  /// The merged `_base_` files of `config`.
  Value inherited(const Value& config, const fs::path& path) {
    Value tree = Value::map(config.where());
    std::map<std::string, Location> sources;
    for (const Value& base : bases_of(config)) {
      Value given = load((path.parent_path() / base.as_string()).lexically_normal(), base.where());
      for (Value::Member& member : given.as_map()) {
        const auto [earlier, fresh] = sources.emplace(member.key, member.key_where);
        if (!fresh) {
          throw Error(base.where(),
                      cat("the key ", quoted(member.key), " is in two base files, ", earlier->second.str(),
                          " and ", member.key_where.str(), "; remove it from one of them"));
        }
        tree.set(member.key, std::move(member.value), member.key_where);
      }
    }
    return tree;
  }

  static Value::List bases_of(const Value& config) {
    const Value* base = config.find("_base_");
    if (base == nullptr) return {};
    Value::List bases = base->is_list() ? base->as_list() : Value::List{*base};
    for (const Value& one : bases) {
      if (!one.is_string())
        throw Error(one.where(), cat("'_base_' must be a file or a list of files, found ", one.describe()));
    }
    return bases;
  }

  /// " (a.yaml → b.yaml → path)", when there is more than one.
  std::string through(const fs::path& path) const {
    if (chain_.empty()) return "";
    return " (" + printable(join(chain_, " → ") + " → " + path.native(), 2000) + ")";
  }

  fs::path root_;
  std::vector<std::string> chain_;
  std::vector<fs::path> identities_;
  size_t files_ = 0;
};

}  // namespace

void expand_configs_paths(Value& value, const fs::path& root) {
  if (value.is_list()) {
    for (Value& item : value.as_list()) expand_configs_paths(item, root);
  } else if (value.is_map()) {
    for (Value::Member& member : value.as_map()) expand_configs_paths(member.value, root);
  } else if (value.is_string() && value.as_string().starts_with(kConfigs)) {
    if (root.empty())
      throw Error(value.where(), cat(quoted(value.as_string()), ": the folder of the configs is not known"));
    const fs::path below = value.as_string().substr(kConfigs.size());
    value = Value((fs::absolute(root) / below).lexically_normal().native(), value.where());
  } else if (value.is_string() && value.as_string().starts_with(kCurrentFolder)) {
    const fs::path below = value.as_string().substr(kCurrentFolder.size());
    value = Value((fs::current_path() / below).lexically_normal().native(), value.where());
  }
}

Value load_config(const fs::path& path, const fs::path& configs_root) {
  return ConfigLoader(configs_root).load(path, {});
}

void shorten_configs_paths(Value& config, const fs::path& configs_root) {
  if (config.is_list()) {
    for (Value& item : config.as_list()) shorten_configs_paths(item, configs_root);
  } else if (config.is_map()) {
    for (Value::Member& member : config.as_map()) shorten_configs_paths(member.value, configs_root);
  } else if (config.is_string()) {
    const std::string root = fs::absolute(configs_root / "").lexically_normal().native();
    const std::string& text = config.as_string();
    if (text.starts_with(root)) config = Value(cat(kConfigs, text.substr(root.size())), config.where());
  }
}

void adopt_places(Value& to, const Value& from) {
  to.set_where(from.where());
  if (to.is_map() && from.is_map()) {
    for (Value::Member& member : to.as_map()) {
      if (const Value* counterpart = from.find(member.key)) adopt_places(member.value, *counterpart);
    }
  } else if (to.is_list() && from.is_list()) {
    const size_t shared = std::min(to.as_list().size(), from.as_list().size());
    for (size_t i = 0; i < shared; ++i) adopt_places(to.as_list()[i], from.as_list()[i]);
  }
}

}  // namespace flam
