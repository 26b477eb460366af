# Installs the build tree, moves it, and builds a plugin against it as a stranger would.
set(work ${BUILD_DIR}/tests/out_of_tree/work)
set(moved ${work}/moved/here)
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${work})
run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${work}/installed)
file(MAKE_DIRECTORY ${work}/moved)
file(RENAME ${work}/installed ${moved})

# Installing must leave the plugins as their manifests know them.
file(GLOB plugins ${moved}/lib/flamboyance/plugins/*.so)
if(NOT plugins)
  message(FATAL_ERROR "no plugins were installed")
endif()
foreach(plugin ${plugins})
  file(SHA256 ${plugin} hash)
  file(READ ${plugin}.json manifest)
  string(JSON listed GET ${manifest} sha256)
  if(NOT hash STREQUAL listed)
    message(FATAL_ERROR "${plugin} is not the file of its manifest")
  endif()
endforeach()

run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/plugin -B ${work}/build -G ${GENERATOR} -DCMAKE_BUILD_TYPE=Debug
    -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_PREFIX_PATH=${moved})
run(${CMAKE_COMMAND} --build ${work}/build)
file(READ ${work}/build/libflam_resampler_first_token.so.json manifest)
string(JSON name GET ${manifest} components 0 name)
if(NOT name STREQUAL first_token)
  message(FATAL_ERROR "the manifest lists '${name}'")
endif()

if(EXISTS ${moved}/bin/flam)
  execute_process(COMMAND ${moved}/bin/flam list resampler --plugin-path ${work}/build OUTPUT_VARIABLE listed
                  COMMAND_ERROR_IS_FATAL ANY)
  foreach(name first_token perceiver)
    if(NOT listed MATCHES ${name})
      message(FATAL_ERROR "the moved flam does not list ${name}: ${listed}")
    endif()
  endforeach()
endif()
