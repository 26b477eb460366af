#include "framework/weights/naming.h"

#include <ATen/core/Tensor.h>

#include <string_view>

#include "framework/weights/naming_rule.h"

namespace flam {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Glob matching that backtracks only to the last `*`, so it takes at most |pattern|·|key| steps.
bool match(std::string_view pattern, std::string_view key, std::vector<std::string_view>& numbers) {
  constexpr size_t kNone = std::string_view::npos;
  size_t p = 0, k = 0, star = kNone, star_key = 0, star_numbers = 0;
  while (p < pattern.size() || k < key.size()) {
    const bool number = pattern.substr(p, 2) == "{}";
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_key = k;
      star_numbers = numbers.size();
    } else if (number && k < key.size() && is_digit(key[k])) {
      const size_t start = k;
      while (k < key.size() && is_digit(key[k])) ++k;
      numbers.push_back(key.substr(start, k - start));
      p += 2;
    } else if (!number && p < pattern.size() && k < key.size() && pattern[p] == key[k]) {
      ++p;
      ++k;
    } else if (star != kNone && star_key < key.size()) {
      p = star + 1;
      k = ++star_key;
      numbers.resize(star_numbers);
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

bool match_rule(const NameRule& rule, const std::string& key, NameMatch& out) {
  std::vector<std::string_view> numbers;
  if (!match(rule.from, key, numbers)) return false;
  out = {"", rule.part, &rule};
  size_t next = 0;
  for (size_t i = 0; i < rule.to.size(); ++i) {
    if (rule.to.compare(i, 2, "{}") == 0 && next < numbers.size()) {
      out.to += numbers[next++];
      ++i;
    } else {
      out.to += rule.to[i];
    }
  }
  return true;
}

namespace {

/// [.. a0 b0 a1 b1 ..] of each head to [.. a0 a1 b0 b1 ..].
at::Tensor without_interleaving(const at::Tensor& tensor, int64_t heads) {
  if (tensor.dim() == 0 || tensor.size(0) % (2 * heads) != 0) return tensor;
  const int64_t pairs = tensor.size(0) / heads / 2;
  return tensor.reshape({heads, pairs, 2, -1}).transpose(1, 2).reshape(tensor.sizes());
}

/// The rows of all parts of each head to all rows of each part.
at::Tensor by_part(const at::Tensor& tensor, int64_t heads, int64_t parts) {
  if (tensor.dim() == 0 || parts == 0 || tensor.size(0) % (heads * parts) != 0) return tensor;
  const int64_t rows = tensor.size(0) / heads / parts;
  return tensor.reshape({heads, parts, rows, -1}).transpose(0, 1).reshape(tensor.sizes());
}

}  // namespace

at::Tensor arranged(const at::Tensor& stored, const NameRule& rule, size_t parts) {
  at::Tensor out = stored;
  if (rule.transposed && out.dim() == 2) out = out.t();
  const auto count = rule.slices > 0 ? rule.slices : static_cast<int64_t>(parts);
  if (rule.parts_of_heads > 0) out = by_part(out, rule.parts_of_heads, count);
  if (rule.slices > 0 && out.dim() > 0 && out.size(0) % rule.slices == 0) {
    const int64_t rows = out.size(0) / rule.slices;
    out = out.narrow(0, rule.slice * rows, rows);
  }
  return rule.interleaved_heads > 0 ? without_interleaving(out, rule.interleaved_heads) : out;
}

void rename_layer(std::vector<NameRule>& rules, const std::string& from, const std::string& to, int part) {
  for (const char* leaf : {".weight", ".bias"})
    rules.push_back({from + leaf, to.empty() ? "" : to + leaf, part});
}

void rename_batch_norm(std::vector<NameRule>& rules, const std::string& from, const std::string& to) {
  rename_layer(rules, from, to);
  for (const char* leaf : {".running_mean", ".running_var"})
    rules.push_back({from + leaf, to.empty() ? "" : to + leaf});
  rules.push_back({from + ".num_batches_tracked", ""});
}

bool match_name(const NamingTable& table, const std::string& key, NameMatch& out) {
  for (const auto& rule : table.rules) {
    if (match_rule(rule, key, out)) return true;
  }
  return false;
}

bool match_pattern(const std::string& pattern, const std::string& key) {
  std::vector<std::string_view> numbers;
  return match(pattern, key, numbers);
}

}  // namespace flam
