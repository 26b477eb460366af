# libtorch as two imported targets. libtorch's own CMake config is not used, because it requires the CUDA toolkit.
#   torch::headers  include folders and the version, without a library
#   torch::cpu      libtorch_cpu and libc10
# FLAM_TORCH_DIR names the folder that holds include/ and lib/ (in the Python package: site-packages/torch).
set(torch_cache "$ENV{XDG_CACHE_HOME}")
if(NOT torch_cache)
  set(torch_cache "$ENV{HOME}/.cache")
endif()
file(GLOB torch_default "${torch_cache}/flamboyance/torch-*/torch")  # where tools/setup installs it
list(SORT torch_default COMPARE NATURAL ORDER DESCENDING)
if(torch_default)
  list(GET torch_default 0 torch_default)
endif()
if(DEFINED ENV{FLAM_TORCH_DIR})
  set(torch_default "$ENV{FLAM_TORCH_DIR}")
endif()
set(FLAM_TORCH_DIR "${torch_default}" CACHE PATH "Folder of libtorch (holds include/ and lib/)")
if(NOT EXISTS "${FLAM_TORCH_DIR}/lib/libtorch_cpu.so")
  message(FATAL_ERROR "libtorch not found in FLAM_TORCH_DIR='${FLAM_TORCH_DIR}' (expected lib/libtorch_cpu.so there). "
                      "Run tools/setup, or set FLAM_TORCH_DIR.")
endif()

file(STRINGS "${FLAM_TORCH_DIR}/include/torch/headeronly/version.h" version_lines REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
string(REGEX REPLACE ".*MAJOR ([0-9]+).*MINOR ([0-9]+).*PATCH ([0-9]+).*" "\\1.\\2.\\3" FLAM_TORCH_VERSION "${version_lines}")

add_library(torch::headers INTERFACE IMPORTED)
# -idirafter, because libtorch's folder has its own copy of fmt, which must not shadow the one that spdlog uses.
target_compile_options(torch::headers INTERFACE
  "SHELL:-idirafter ${FLAM_TORCH_DIR}/include" "SHELL:-idirafter ${FLAM_TORCH_DIR}/include/torch/csrc/api/include")
target_compile_definitions(torch::headers INTERFACE FLAM_TORCH_VERSION="${FLAM_TORCH_VERSION}")

add_library(torch::c10 SHARED IMPORTED)
set_target_properties(torch::c10 PROPERTIES IMPORTED_LOCATION ${FLAM_TORCH_DIR}/lib/libc10.so)
add_library(torch::cpu SHARED IMPORTED)
set_target_properties(torch::cpu PROPERTIES IMPORTED_LOCATION ${FLAM_TORCH_DIR}/lib/libtorch_cpu.so)
target_link_libraries(torch::cpu INTERFACE torch::c10 torch::headers)
