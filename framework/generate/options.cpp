// Finds options that have no effect with the values of the others.
#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/generate/generate.h"

namespace flam {

std::vector<IdleOption> idle_options(const GenerationParams& params) {
  GenerationParams given = params, defaults;
  const Value values = write_params(ParamsRef(given)), usual = write_params(ParamsRef(defaults));
  std::vector<IdleOption> idle;
  // `seed` is not listed, because without sampling an answer is reproducible as well, as the user wants. Nor
  // is `beam_length`, which a config may set for the cases in which beams are used.
  const auto unless = [&](bool effective, const char* needed, std::initializer_list<const char*> names) {
    for (const char* name : names) {
      const Value& value = *values.find(name);
      if (effective || value == *usual.find(name)) continue;
      idle.push_back({name, cat(name, " is ", write_json(value), ", which changes nothing ", needed)});
    }
  };
  unless(params.do_sample, "without do_sample: true", {"temperature", "top_k", "top_p"});
  unless(!params.do_sample, "with do_sample: true", {"num_beams"});
  unless(!params.do_sample && params.num_beams > 1,
         params.do_sample ? "with do_sample: true" : "without several beams (num_beams)",
         {"length_penalty", "early_stopping"});
  unless(!params.stop_tokens.empty(), "without stop_tokens", {"min_new_tokens"});
  return idle;
}

}  // namespace flam
