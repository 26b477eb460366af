// --set a.b.0.c=VALUE

#include <algorithm>
#include <charconv>

#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/config/merge.h"

namespace flam {

namespace {

constexpr size_t kMaxSteps = 64;  // as deep as a file may be nested

std::vector<std::string> split_path(const std::string& path, const Location& where) {
  std::vector<std::string> steps;
  for (size_t at = 0; at <= path.size();) {
    const size_t dot = std::min(path.find('.', at), path.size());
    steps.push_back(path.substr(at, dot - at));
    if (steps.back().empty()) throw Error(where, cat("a part of the name is empty in ", quoted(path)));
    at = dot + 1;
    if (steps.size() > kMaxSteps) throw Error(where, cat("the name has more than ", kMaxSteps, " parts"));
  }
  return steps;
}

Value& element(Value& list, const std::string& step, const std::string& reached, const Location& where) {
  Value::List& items = list.as_list();
  size_t index = 0;
  const auto [end, status] = std::from_chars(step.data(), step.data() + step.size(), index);
  const bool number = status == std::errc() && end == step.data() + step.size();
  if (number && index < items.size()) return items[index];
  throw Error(where, items.empty()
                         ? cat(quoted(reached), " is an empty list; it has no element ", quoted(step))
                         : cat(quoted(reached), " is a list of ", items.size(),
                               "; expected an index from 0 to ", items.size() - 1, ", found ", quoted(step)));
}

void place_everywhere(Value& value, const Location& where) {
  value.set_where(where);
  if (value.is_list()) {
    for (Value& item : value.as_list()) place_everywhere(item, where);
  } else if (value.is_map()) {
    for (Value::Member& member : value.as_map()) {
      member.key_where = where;
      place_everywhere(member.value, where);
    }
  }
}

}  // namespace

void merge_at(Value& config, const std::string& name, Value over, const Location& where) {
  const std::vector<std::string> steps = split_path(name, where);

  // Walk down to the last value that exists. The rest of the name becomes maps around VALUE, which are merged
  // like a file.
  Value* at = &config;
  std::string reached;
  size_t done = 0;
  for (; done < steps.size(); ++done) {
    if (at->is_list()) {
      at = &element(*at, steps[done], reached, where);
    } else if (at->is_map() && at->find(steps[done]) != nullptr &&
               !(done + 1 == steps.size() && steps[done] == "type")) {
      at = at->find(steps[done]);
    } else {
      break;
    }
    reached += (reached.empty() ? "" : ".") + steps[done];
  }
  if (done < steps.size() && !at->is_map() && !at->is_null()) {
    throw Error(where, cat(quoted(reached), " is ", at->describe(), ", not a map, so it has no ",
                           quoted(steps[done])));
  }
  for (size_t i = steps.size(); i-- > done;) {
    Value map = Value::map(where);
    map.set(steps[i], std::move(over), where);
    over = std::move(map);
  }
  const Location kept = at->where();
  const bool stays_map = at->is_map() && over.is_map();
  merge_value(*at, std::move(over));
  if (stays_map) at->set_where(kept);
}

void apply_override(Value& config, const std::string& assignment, const std::filesystem::path& configs_root) {
  const Location where{
      std::make_shared<const std::string>(cat(kOverridePlace, quoted(printable(assignment, 80))))};
  const size_t equals = assignment.find('=');
  if (equals == assignment.npos || equals == 0) {
    throw Error(where, cat("expected NAME=VALUE, as in model.resampler.depth=2, found ", quoted(assignment)));
  }
  Value over = parse_yaml(assignment.substr(equals + 1), *where.file);
  expand_configs_paths(over, configs_root);
  place_everywhere(over, where);
  merge_at(config, assignment.substr(0, equals), std::move(over), where);
}

}  // namespace flam
