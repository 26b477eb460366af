# flam_add_plugin(NAME SOURCES a.cpp … [LIBRARIES lib …])
#
# Builds the plugin library libflam_NAME.so into the plugin folder and writes its manifest beside it. The same call works
# in this tree and, after find_package(flamboyance), outside it.
function(flam_add_plugin name)
  cmake_parse_arguments(ARG "" "OUTPUT_DIRECTORY" "SOURCES;LIBRARIES" ${ARGN})
  set(target flam_${name})
  if(NOT ARG_OUTPUT_DIRECTORY)
    set(ARG_OUTPUT_DIRECTORY ${FLAM_PLUGIN_OUTPUT_DIRECTORY})
  endif()
  if(NOT ARG_OUTPUT_DIRECTORY)
    set(ARG_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  endif()
  add_library(${target} MODULE ${ARG_SOURCES})
  target_link_libraries(${target} PRIVATE flamboyance::flamboyance ${ARG_LIBRARIES})
  set_target_properties(${target} PROPERTIES
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON POSITION_INDEPENDENT_CODE ON
    LIBRARY_OUTPUT_DIRECTORY ${ARG_OUTPUT_DIRECTORY})
  # Never unloaded: objects made by a plugin may outlive every owner that could know when to close it.
  target_link_options(${target} PRIVATE -Wl,-z,nodelete)
  add_custom_command(TARGET ${target} POST_BUILD
    COMMAND flamboyance::flam-manifest $<TARGET_FILE:${target}>
    COMMENT "Writing the manifest of ${target}")
  if(FLAM_IN_TREE)
    set_target_properties(${target} PROPERTIES DEFINE_SYMBOL "")  # the precompiled header is shared
    flam_precompile(${target} PLUGINS)
    # The build tree is laid out as the installed one, so that a plugin is installed unchanged and its manifest holds.
    set_target_properties(${target} PROPERTIES
      BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "$ORIGIN/../..;${FLAM_TORCH_DIR}/lib")
    set_property(GLOBAL APPEND PROPERTY FLAM_PLUGIN_TARGETS ${target})
    install(TARGETS ${target} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR_PLUGINS})
    install(FILES $<TARGET_FILE:${target}>.json DESTINATION ${CMAKE_INSTALL_LIBDIR_PLUGINS})
  endif()
endfunction()
