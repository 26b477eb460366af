#include "framework/train/run_log.h"

#include <unistd.h>

#include <bit>
#include <boost/crc.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ostream>

#include "framework/base/error.h"
#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/config/json_reader.h"

namespace flam {

namespace {

constexpr size_t kMostOfALog = size_t{1} << 30;

/// CRC-32C (Castagnoli).
uint32_t crc32c(std::string_view bytes) {
  boost::crc_optimal<32, 0x1edc6f41, 0xffffffff, 0xffffffff, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

// The little of protobuf's wire format that tensorflow/core/util/event.proto needs.
std::string varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out += static_cast<char>(value);
}
template <class Number>
std::string fixed(Number value) {
  static_assert(std::endian::native == std::endian::little);
  std::string out(sizeof value, '\0');
  std::memcpy(out.data(), &value, sizeof value);
  return out;
}
std::string field(uint64_t number, const std::string& message) {
  return varint(number << 3 | 2) + varint(message.size()) + message;
}
std::string number_field(uint64_t number, uint64_t value) {
  return varint(number << 3) + varint(value);
}

/// An Event: wall_time = 1 (double), step = 2; then what it is.
std::string event(int64_t step, const std::string& what) {
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  return varint(1 << 3 | 1) + fixed(now) + (step > 0 ? number_field(2, static_cast<uint64_t>(step)) : "") +
         what;
}

bool is_later(std::string_view line, int64_t step) {
  try {
    const Value value = parse_json(line, "");
    const Value* at = value.find("step");
    return !at || !at->is_int() || at->as_int() > step;
  } catch (const Error&) {
    return true;  // cut short when the run was killed
  }
}

/// Error: a stream could not write all of its text. The reason is that of the system.
void require_written(const std::ostream& stream, const std::filesystem::path& file) {
  if (!stream) throw RunError(cat("cannot write ", quoted(file.string()), ": ", std::strerror(errno)));
}

}  // namespace

RunLog::RunLog(std::filesystem::path file, std::filesystem::path events)
    : file_(std::move(file)), events_folder_(std::move(events)) {}

void RunLog::begin(int64_t step) {
  first_step_ = step;
}

void RunLog::open_files() {
  const int64_t step = first_step_;
  std::string kept;
  if (step > 0 && std::filesystem::exists(file_)) {
    const std::string before = read_file(file_, kMostOfALog);
    for (std::string_view rest = before; !rest.empty();) {
      const size_t end = std::min(rest.find('\n'), rest.size() - 1) + 1;
      if (const auto line = rest.substr(0, end); line.ends_with('\n') && !is_later(line, step)) kept += line;
      rest.remove_prefix(end);
    }
  }
  write_file(file_, kept);
  lines_.open(file_, std::ios::app);
  require_written(lines_, file_);
  if (events_folder_.empty()) return;
  std::error_code problem;
  std::filesystem::create_directories(events_folder_, problem);
  if (problem)
    throw RunError(cat("cannot make the folder ", quoted(events_folder_.string()), ": ", problem.message()));
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  std::filesystem::path name;
  for (int number = 0; name.empty() || std::filesystem::exists(name); ++number)
    name = events_folder_ / cat("events.out.tfevents.", seconds, ".flam.", getpid(), ".", number);
  events_file_ = name;
  events_.open(name, std::ios::binary);
  require_written(events_, name);
  write_event(event(0, field(3, "brain.Event:2")));
  if (step > 0) write_event(event(step + 1, field(7, number_field(1, 1))));  // SessionLog START
}

void RunLog::add(int64_t step, const Numbers& numbers) {
  if (!lines_.is_open()) open_files();
  Value line = Value::map();
  line.set("step", step);
  std::string summary;
  for (const auto& [name, number] : numbers) {
    line.set(name, number);
    summary += field(1, field(1, name) + varint(2 << 3 | 5) + fixed(static_cast<float>(number)));
  }
  lines_ << write_json(line) << std::endl;
  require_written(lines_, file_);
  if (events_.is_open()) write_event(event(step, field(5, summary)));
}

/// One record of a TFRecord file: length, its checksum, bytes, their checksum.
void RunLog::write_event(const std::string& bytes) {
  const auto checksum = [](std::string_view of) {
    const uint32_t crc = crc32c(of);
    return fixed<uint32_t>((crc >> 15 | crc << 17) + 0xa282ead8u);
  };
  const std::string length = fixed<uint64_t>(bytes.size());
  events_ << length << checksum(length) << bytes << checksum(bytes) << std::flush;
  require_written(events_, events_file_);
}

}  // namespace flam
