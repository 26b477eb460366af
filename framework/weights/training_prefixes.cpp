#include "framework/weights/training_prefixes.h"

#include <algorithm>
#include <array>

namespace flam {

namespace {

constexpr std::array<std::string_view, 4> kAnywhere = {"_orig_mod.", "_fsdp_wrapped_module.",
                                                       "_checkpoint_wrapped_module.", "_forward_module."};
constexpr std::string_view kAtTheStart = "module.";

std::string without_inner(const std::string& name) {
  std::string rest;
  for (size_t at = 0; at < name.size();) {  // `at` is the start of a part
    const std::string_view left = std::string_view(name).substr(at);
    const auto mark = std::find_if(kAnywhere.begin(), kAnywhere.end(),
                                   [&](std::string_view prefix) { return left.starts_with(prefix); });
    const size_t dot = name.find('.', at);
    const size_t end = dot == std::string::npos ? name.size() : dot + 1;
    if (mark == kAnywhere.end()) rest.append(name, at, end - at);
    at = end;
  }
  return rest;
}

/// Removes `module.` after `head` if all names that begin with `head` continue with it.
void drop_module(std::vector<std::string>& names, const std::string& head) {
  std::vector<std::string*> begun;
  for (std::string& name : names) {
    if (name.starts_with(head)) begun.push_back(&name);
  }
  size_t end = head.size();
  const auto goes_on = [&](const std::string* name) {
    return name->compare(end, kAtTheStart.size(), kAtTheStart) == 0;
  };
  while (!begun.empty() && std::ranges::all_of(begun, goes_on)) end += kAtTheStart.size();
  for (std::string* name : begun) name->erase(head.size(), end - head.size());
}

class Renamed final : public Checkpoint {
 public:
  Renamed(std::unique_ptr<Checkpoint> file, std::map<std::string, std::string> stored)
      : file_(std::move(file)), stored_(std::move(stored)) {
    for (const auto& [name, stored_name] : stored_) names_.push_back(name);
  }
  const std::vector<std::string>& names() const override { return names_; }
  const std::vector<std::string>& wrappers() const override { return file_->wrappers(); }
  at::Tensor tensor(const std::string& name) const override { return file_->tensor(in_file(name)); }
  at::Tensor meta_tensor(const std::string& name) const override { return file_->meta_tensor(in_file(name)); }
  Stored stored(const std::string& name) const override { return file_->stored(in_file(name)); }
  std::shared_ptr<const MappedFile> file_of(const std::string& name) const override {
    return file_->file_of(in_file(name));
  }
  std::map<std::string, std::string> metadata() const override { return file_->metadata(); }

 private:
  const std::string& in_file(const std::string& name) const {
    const auto found = stored_.find(name);
    return found == stored_.end() ? name : found->second;
  }

  std::unique_ptr<Checkpoint> file_;
  std::map<std::string, std::string> stored_;  // name → name in the file
  std::vector<std::string> names_;
};

}  // namespace

std::string without_training_prefixes(std::string name) {
  name = without_inner(name);
  size_t start = 0;
  while (name.compare(start, kAtTheStart.size(), kAtTheStart) == 0) start += kAtTheStart.size();
  return name.substr(start);
}

std::unique_ptr<Checkpoint> without_training_prefixes(std::unique_ptr<Checkpoint> file) {
  std::vector<std::string> names;
  for (const std::string& name : file->names()) names.push_back(without_inner(name));
  if (file->wrappers().size() < 2) drop_module(names, "");
  for (const std::string& wrapper : file->wrappers()) drop_module(names, wrapper + ".");
  if (names == file->names()) return file;
  std::map<std::string, std::string> stored;
  for (size_t i = 0; i < names.size(); ++i) stored.emplace(names[i], file->names()[i]);
  if (stored.size() < names.size()) return file;
  return std::make_unique<Renamed>(std::move(file), std::move(stored));
}

}  // namespace flam
