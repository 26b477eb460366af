#include "framework/commands/evaluate/shared_run.h"

#include <unistd.h>

#include <random>
#include <system_error>

#include "framework/base/file.h"
#include "framework/base/list_folder.h"
#include "framework/base/text.h"
#include "framework/commands/evaluate/results_folder.h"
#include "framework/report/json.h"

namespace flam {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

constexpr const char* kMark = ".shared-";

std::string machine() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? printable(name, 100) : "?";
}

}  // namespace

SharedRun::~SharedRun() {
  std::error_code ignored;
  if (!mark_.empty()) fs::remove(mark_, ignored);
}

void SharedRun::begin(const Json& run, const fs::path& folder) {
  std::error_code ignored;
  for (const fs::path& file : list_folder(folder, ignored))
    if (file.filename().string().starts_with(kMark)) fs::remove(file, ignored);  // of a run that was killed
  std::random_device random;
  mark_ = folder / cat(kMark, random(), random());
  write_file(mark_, "");
  group_.store().set("run",
                     json_line({{"run", run}, {"mark", mark_.filename().string()}, {"machine", machine()}}));
}

bool SharedRun::join(const Json& run, const fs::path& folder) {
  const Json first = Json::parse(group_.wait_for("run", cancelled_), nullptr, /*allow_exceptions=*/false);
  if (!first.is_object() || !first.contains("run") || !first.contains("mark"))
    throw RunError("rank 0 says something else than what `flam evaluate` runs; is it another program?");
  const std::string found =
      results::differences(first["run"], run, "for rank 0", cat("for rank ", group_.rank()));
  if (!found.empty()) throw Error(cat("the processes were not started alike: ", found));
  // A network file system may show a new file only after some time.
  const fs::path mark = folder / first["mark"].get<std::string>();
  const auto begin = std::chrono::steady_clock::now();
  for (std::error_code failed; !fs::exists(mark, failed); group_.pause(cancelled_)) {
    if (group_.store().has({kEnd})) return false;
    list_folder(folder, failed);  // which makes it look again
    if (std::chrono::steady_clock::now() - begin < group_.timeout()) continue;
    throw Error(cat("the folder ", quoted(folder.string()), " of rank ", group_.rank(), " on ", machine(),
                    " is not the one that rank 0 writes to, on ", first["machine"].get<std::string>(),
                    "; --output must name a folder that all processes share"));
  }
  return true;
}

void SharedRun::set_milliseconds(const std::map<std::string, double>& milliseconds) {
  group_.store().set(cat("milliseconds/", group_.rank()), json_line(milliseconds));
}

std::map<std::string, double> SharedRun::milliseconds() {
  std::map<std::string, double> out;
  for (int64_t rank = 0; rank < group_.launch().world_size; ++rank) {
    const Json of =
        Json::parse(group_.store().get(cat("milliseconds/", rank)).value_or("{}"), nullptr, false);
    if (!of.is_object()) continue;
    for (const auto& [stage, time] : of.items()) out[stage] += time.is_number() ? time.get<double>() : 0;
  }
  return out;
}

void SharedRun::end() {
  group_.store().set(kEnd, "1");
}

}  // namespace flam
