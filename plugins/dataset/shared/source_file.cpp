#include "plugins/dataset/shared/source_file.h"

#include <algorithm>

namespace flam {

using Json = nlohmann::json;

SourceFile::SourceFile(const std::string& path)
    : mapped_(MappedFile::open(path)), path_(std::make_shared<const std::string>(printable(path, 4096))) {}

Location SourceFile::place(size_t offset) const {
  const std::string_view before = bytes().substr(0, offset);
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const size_t line_begin = before.rfind('\n') + 1;  // 0 if there is none
  return {path_, static_cast<int>(lines) + 1, static_cast<int>(before.size() - line_begin) + 1};
}

const Json* FileRecord::find(std::string_view field) const {
  const Json* node = &value_;
  for (;;) {
    const size_t dot = field.find('.');
    if (!node->is_object()) return nullptr;
    auto found = node->find(std::string(field));
    const bool is_whole = found != node->end() || dot == std::string_view::npos;
    if (!is_whole) found = node->find(std::string(field.substr(0, dot)));
    if (found == node->end() || found->is_null()) return nullptr;
    node = &*found;
    if (is_whole) return node;
    field.remove_prefix(dot + 1);
  }
}

std::string FileRecord::text(std::string_view field) const {
  const Json* node = find(field);
  if (!node || !node->is_string()) expected(field, "a text");
  return node->get<std::string>();
}

int64_t FileRecord::integer(std::string_view field) const {
  const Json* node = find(field);
  if (!node || !node->is_number_integer()) expected(field, "an integer");
  return node->get<int64_t>();
}

RecordId FileRecord::id(std::string_view field) const {
  const Json* node = find(field);
  if (node && node->is_string() && !node->get_ref<const std::string&>().empty())
    return {node->get<std::string>(), false};
  const bool fits =
      node && node->is_number_integer() && (!node->is_number_unsigned() || node->get<int64_t>() >= 0);
  if (!fits) expected(field, "an integer or a text that is not empty");
  return {std::to_string(node->get<int64_t>()), true};
}

std::string FileRecord::file_name(std::string_view field) const {
  std::string name = text(field);
  if (name.empty() || name.find('\0') != std::string::npos)
    fail(cat("`", field, "` must be the name of a file, found ", quoted(name)));
  return name;
}

std::vector<std::string> FileRecord::texts(std::string_view field, std::string_view inner) const {
  const Json* node = find(field);
  if (node && node->is_string()) return {node->get<std::string>()};
  const std::string what =
      inner.empty() ? "a list of texts" : cat("a list of texts, or of objects with the text `", inner, "`");
  if (!node || !node->is_array()) expected(field, what.c_str());
  std::vector<std::string> out;
  out.reserve(node->size());
  for (const Json& item : *node) {
    const Json* text = &item;
    if (item.is_object()) {
      const auto found = item.find(std::string(inner));
      if (found != item.end()) text = &*found;
    }
    if (!text->is_string()) expected(field, what.c_str());
    out.push_back(text->get<std::string>());
  }
  return out;
}

std::string FileRecord::shown(std::string_view field) const {
  const Json* node = find(field);
  if (!node) return "";
  if (node->is_string()) return node->get<std::string>();
  if (!node->is_number() && !node->is_boolean()) expected(field, "a text, a number or a boolean");
  return node->dump();
}

std::string FileRecord::name() const {
  if (!key_.empty()) return cat("record ", quoted(key_));
  return list_.empty() ? cat("record ", index_ + 1) : cat(list_, "[", index_, "]");
}

void FileRecord::fail(const std::string& what) const {
  if (!file_) throw Error(cat(key_, ": ", what));
  throw Error(file_->place(offset_), cat(name(), ": ", what));
}

void FileRecord::expected(std::string_view field, const char* what) const {
  const Json* node = find(field);
  const std::string found =
      !value_.is_object() ? "the record is no object"
      : node ? cat("found ", printable(node->dump(-1, ' ', false, Json::error_handler_t::replace), 80))
             : "it is missing";
  fail(cat("expected `", field, "` with ", what, "; ", found));
}

}  // namespace flam
