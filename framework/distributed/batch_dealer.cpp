#include "framework/distributed/batch_dealer.h"

#include <algorithm>
#include <charconv>

#include "framework/base/text.h"

namespace flam {

namespace {

// What a batch's keys hold: a claim is "RANK.JOINED" of who has it.
std::string claim_key(int64_t batch) {
  return cat("claim/", batch);
}
std::string done_key(int64_t batch) {
  return cat("done/", batch);
}

}  // namespace

std::string BatchDealer::own_claim() const {
  return cat(group_.rank(), ".", group_.joined());
}

std::optional<int64_t> BatchDealer::draw() {
  for (;;) {
    const int64_t batch = group_.store().add("next", 1) - 1;
    if (batch >= count_) return std::nullopt;
    // If this process was held up here for long, another one may have taken the batch.
    if (group_.store().replace(claim_key(batch), std::nullopt, own_claim())) return batch;
  }
}

void BatchDealer::finish(int64_t batch, int64_t records, int64_t kept) {
  Store& store = group_.store();
  if (store.has({done_key(batch)})) return;  // another process took it for abandoned
  // Whoever sees that the batch is done sees it counted, too.
  store.add("records", records);
  store.add("kept", kept);
  store.set(done_key(batch), "1");
}

void BatchDealer::find_open(int64_t begin, int64_t end, std::vector<int64_t>& out) {
  std::vector<std::string> keys;
  for (int64_t batch = begin; batch < end; ++batch) keys.push_back(done_key(batch));
  if (keys.empty() || group_.store().has(keys)) return;
  if (end - begin == 1) {
    out.push_back(begin);
    return;
  }
  const int64_t middle = begin + (end - begin) / 2;
  find_open(begin, middle, out);
  find_open(middle, end, out);
}

bool BatchDealer::is_abandoned(int64_t batch, const std::optional<std::string>& claim) {
  if (!claim) {  // who drew it may have died before it could say so
    const auto now = std::chrono::steady_clock::now();
    return now - unclaimed_.try_emplace(batch, now).first->second >= group_.timeout();
  }
  int64_t rank = 0, joined = 0;
  const char* const end = claim->data() + claim->size();
  const auto parsed = std::from_chars(claim->data(), end, rank);
  if (parsed.ec != std::errc() || parsed.ptr == end) return false;
  std::from_chars(parsed.ptr + 1, end, joined);
  return group_.store().add(cat("joined/", rank), 0) > joined || group_.silent(rank);
}

std::optional<int64_t> BatchDealer::rescue(const Group::Cancelled& cancelled,
                                           const std::function<void()>& waiting) {
  Store& store = group_.store();
  for (;;) {
    std::vector<int64_t> open;
    if (open_) {
      std::copy_if(open_->begin(), open_->end(), std::back_inserter(open),
                   [&](int64_t batch) { return !store.has({done_key(batch)}); });
    } else {
      constexpr int64_t kTogether = 1024;
      for (int64_t begin = 0; begin < count_; begin += kTogether)
        find_open(begin, std::min(count_, begin + kTogether), open);
    }
    open_ = open;
    if (open.empty()) return std::nullopt;
    for (const int64_t batch : open) {
      const auto claim = store.get(claim_key(batch));
      if (is_abandoned(batch, claim) && store.replace(claim_key(batch), claim, own_claim())) return batch;
    }
    if (waiting) waiting();
    group_.pause(cancelled);
  }
}

}  // namespace flam
