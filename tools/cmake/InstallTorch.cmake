# Run by `cmake --install`: libtorch as a part of the installed tree, in lib/flamboyance/torch.
#   FLAM_INSTALL_TORCH=ON    copies of its headers and of the libraries that are needed; of the CUDA half, too, where that is
#                            complete
#   FLAM_INSTALL_TORCH=OFF   a link to FLAM_TORCH_DIR, where it was found
# The NVIDIA libraries lie beside it as in the Python packages, where libtorch's own RPATH looks for them.
set(place $ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/lib/flamboyance)
if(NOT FLAM_INSTALL_TORCH)
  message(STATUS "libtorch stays in '${FLAM_TORCH_DIR}'; everyone who runs flam must be able to read that folder")
  file(REMOVE_RECURSE ${place}/torch)
  file(MAKE_DIRECTORY ${place})
  file(CREATE_LINK ${FLAM_TORCH_DIR} ${place}/torch SYMBOLIC)
  return()
endif()

message(STATUS "Copying libtorch to '${place}/torch'; with -D FLAM_INSTALL_TORCH=OFF it stays where it is")
if(IS_SYMLINK ${place}/torch)
  file(REMOVE ${place}/torch)
endif()
file(REAL_PATH ${FLAM_TORCH_DIR} torch)
cmake_path(GET torch PARENT_PATH site)

# needed_by(LIBRARY): sets needed to the libraries of libtorch that it needs, directly or not, and missing to what isn't there.
macro(needed_by library)
  file(GET_RUNTIME_DEPENDENCIES LIBRARIES ${library} RESOLVED_DEPENDENCIES_VAR resolved UNRESOLVED_DEPENDENCIES_VAR missing
       CONFLICTING_DEPENDENCIES_PREFIX twice)
  set(needed ${library})
  foreach(dependency ${resolved})
    file(REAL_PATH ${dependency} file)
    cmake_path(IS_PREFIX torch ${file} of_torch)
    cmake_path(IS_PREFIX site ${file} of_site)
    if(of_torch OR (of_site AND file MATCHES "/nvidia/"))
      list(APPEND needed ${file})
    endif()
  endforeach()
endmacro()

needed_by(${torch}/lib/libtorch_cpu.so)
set(libraries ${needed})
if(EXISTS ${torch}/lib/libtorch_cuda.so)
  needed_by(${torch}/lib/libtorch_cuda.so)
  list(REMOVE_ITEM missing libcuda.so.1)  # the driver's
  if(NOT missing)  # cuDNN opens parts of itself by name, so all are taken
    file(GLOB libraries ${torch}/lib/*.so* ${site}/nvidia/*/lib/*.so*)
    list(FILTER libraries EXCLUDE REGEX "python")
  endif()
endif()
foreach(library ${libraries})
  file(RELATIVE_PATH name ${site} ${library})
  cmake_path(GET name PARENT_PATH folder)
  string(REGEX REPLACE "^[^/]+/lib" "torch/lib" folder ${folder})
  file(INSTALL ${library} DESTINATION ${CMAKE_INSTALL_PREFIX}/lib/flamboyance/${folder} TYPE SHARED_LIBRARY)
endforeach()
file(INSTALL ${torch}/include DESTINATION ${CMAKE_INSTALL_PREFIX}/lib/flamboyance/torch TYPE DIRECTORY MESSAGE_NEVER)
