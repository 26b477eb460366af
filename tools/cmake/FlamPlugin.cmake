# flam_add_plugin(NAME SOURCES a.cpp … [LIBRARIES lib …] [TESTS a_test.cpp …] [OUTPUT_DIRECTORY dir])
#
# Builds the plugin library libflam_NAME.so and writes its manifest beside it, into the build folder (in this tree: into
# the plugin folder). TESTS adds a GoogleTest program test_NAME, which CTest runs as NAME and which finds the plugin through
# framework/testing/component.h. The same call works in this tree and, after find_package(flamboyance), outside it.
function(flam_add_plugin name)
  cmake_parse_arguments(ARG "" "OUTPUT_DIRECTORY" "SOURCES;LIBRARIES;TESTS" ${ARGN})
  set(target flam_${name})
  set(shipped OFF)
  if(NOT ARG_OUTPUT_DIRECTORY AND FLAM_IN_TREE)
    set(shipped ON)
    set(ARG_OUTPUT_DIRECTORY ${FLAM_PLUGIN_OUTPUT_DIRECTORY})
  elseif(NOT ARG_OUTPUT_DIRECTORY)
    set(ARG_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  endif()
  add_library(${target} MODULE ${ARG_SOURCES})
  target_link_libraries(${target} PRIVATE flamboyance::flamboyance ${ARG_LIBRARIES})
  set_target_properties(${target} PROPERTIES
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON POSITION_INDEPENDENT_CODE ON
    DEFINE_SYMBOL ""  # the precompiled header is shared
    LIBRARY_OUTPUT_DIRECTORY ${ARG_OUTPUT_DIRECTORY})
  flam_precompile(${target} PLUGINS)
  if(FLAM_IN_TREE)  # on the sources, because the precompiled header is the same for all targets; elsewhere, flamboyance_core has it
    set_property(SOURCE ${ARG_SOURCES} APPEND PROPERTY COMPILE_DEFINITIONS FLAM_SDK_HASH="${FLAM_SDK_HASH}")
  endif()
  # A plugin is never unloaded (nodelete), because its objects may outlive every owner that could know when to close it.
  # The map also hides templates of the standard library, which hidden visibility alone would export.
  set(map ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.map)
  target_link_options(${target} PRIVATE -Wl,-z,nodelete -Wl,--version-script=${map})
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${map})
  add_custom_command(TARGET ${target} POST_BUILD
    COMMAND flamboyance::flam-manifest $<TARGET_FILE:${target}>
    COMMENT "Writing the manifest of ${target}")
  if(shipped)
    # The build tree has the layout of the installed tree, so that plugins are installed unchanged and still match their
    # manifests.
    set_target_properties(${target} PROPERTIES
      BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "$ORIGIN/../..;$ORIGIN/../torch/lib")
    set_property(GLOBAL APPEND PROPERTY FLAM_PLUGIN_TARGETS ${target})
    install(TARGETS ${target} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR_PLUGINS})
    install(FILES $<TARGET_FILE:${target}>.json DESTINATION ${CMAKE_INSTALL_LIBDIR_PLUGINS})
  endif()
  if(ARG_TESTS AND FLAM_IN_TREE AND FLAM_BUILD_TESTS)
    flam_add_test(${name} SOURCES ${ARG_TESTS})
    add_dependencies(test_${name} ${target})
  elseif(ARG_TESTS AND NOT FLAM_IN_TREE)
    find_package(GTest REQUIRED)
    add_executable(test_${name} ${ARG_TESTS})
    target_link_libraries(test_${name} PRIVATE flamboyance::flamboyance GTest::gmock GTest::gtest_main)
    flam_precompile(test_${name} TESTS)
    # Set on the sources, because the precompiled header is the same for all targets.
    set_property(SOURCE ${ARG_TESTS} APPEND PROPERTY COMPILE_DEFINITIONS FLAM_PLUGIN_FOLDER="${ARG_OUTPUT_DIRECTORY}")
    add_dependencies(test_${name} ${target})
    add_test(NAME ${name} COMMAND test_${name})
  endif()
endfunction()
