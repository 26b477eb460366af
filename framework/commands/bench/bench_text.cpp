#include <iomanip>

#include "framework/base/text.h"
#include "framework/commands/bench/bench_result.h"
#include "framework/report/figures.h"

namespace flam {

namespace {

std::string counted(int64_t count, const char* one) {
  return cat(count, " ", one, count == 1 ? "" : "s");
}

std::string speed_text(const Spread& speed, const char* unit) {
  return cat(shortened(speed.median, unit), " (", shortened(speed.q1, unit), " to ",
             shortened(speed.q3, unit), ")");
}

}  // namespace

std::string bench_text(const BenchResult& result) {
  const BenchShape& shape = result.shape;
  std::ostringstream out;
  out << result.config << ", " << result.dtype
      << (result.quantize.empty() ? "" : ", weights quantised (" + result.quantize + ")") << " on "
      << result.device << ", " << counted(result.threads, "thread") << ", " << counted(result.repeat, "round")
      << "\n"
      << (shape.batch_size == 1 ? "one prompt" : counted(shape.batch_size, "prompt") + ", each") << " of "
      << counted(shape.prompt_tokens, "token") << " with " << counted(shape.images, "picture") << ", "
      << counted(shape.new_tokens, "new token") << ", " << counted(shape.num_beams, "beam") << "\n"
      << "machine: reads " << speed_text(result.bytes_per_second, "B/s") << " over "
      << (result.buffer_bytes >> 20) << " MiB, multiplies " << speed_text(result.flops_per_second, "FLOP/s")
      << "\n\n"
      << std::left << std::setw(14) << "stage" << std::right << std::setw(10) << "ms" << std::setw(20)
      << "quartiles" << std::setw(10) << "limit ms" << std::setw(10) << "of limit" << std::setw(9) << "bound"
      << std::setw(12) << "reads" << std::setw(14) << "computes"
      << "  rate\n";
  for (const StageResult& stage : result.stages) {
    const bool memory = stage.limit.memory_ms > stage.limit.matrix_ms;
    out << std::left << std::setw(14) << stage.name << std::right << std::setw(10)
        << significant(stage.ms.median, 3) << std::setw(20)
        << cat(significant(stage.ms.q1, 3), " to ", significant(stage.ms.q3, 3)) << std::setw(10)
        << significant(stage.limit.ms(), 3) << std::setw(10) << significant(stage.fraction(), 2)
        << std::setw(9) << (memory ? "memory" : "matrix") << std::setw(12) << shortened(stage.bytes, "B")
        << std::setw(14) << shortened(stage.flops, "FLOP") << "  " << significant(stage.per_second(), 3)
        << " " << stage.item << "s/s\n";
  }
  return out.str();
}

}  // namespace flam
