# flam_precompile(TARGET GROUP): compiles libtorch's tensor header once for all targets of a group. This header takes most
# of the compile time of a source that includes it. All targets of a group must have the same compile options.
function(flam_precompile target group)
  get_property(first GLOBAL PROPERTY FLAM_PRECOMPILED_${group})
  if(first)
    target_precompile_headers(${target} REUSE_FROM ${first})
  else()
    target_precompile_headers(${target} PRIVATE <ATen/core/Tensor.h> <ATen/TensorOperators.h> <algorithm> <functional>
                              <map> <memory> <optional> <sstream> <string> <vector>)
    set_property(GLOBAL PROPERTY FLAM_PRECOMPILED_${group} ${target})
  endif()
endfunction()
