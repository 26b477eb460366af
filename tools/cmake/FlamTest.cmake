# flam_add_test(NAME SOURCES a.cpp … [LIBRARIES lib …] [PLUGINS] [CORE] [LABELS l …] [TIMEOUT s])
# One GoogleTest program, registered as one CTest entry. PLUGINS: build all in-tree plugins first. CORE: link
# flamboyance_core only.
function(flam_add_test name)
  cmake_parse_arguments(ARG "PLUGINS;CORE" "TIMEOUT" "SOURCES;LIBRARIES;LABELS" ${ARGN})
  add_executable(test_${name} ${ARG_SOURCES})
  set(library flamboyance::flamboyance)
  if(ARG_CORE)
    set(library flamboyance::core)
  endif()
  # A test program runs once; compiling it with less optimisation saves a fifth of the time.
  target_compile_options(test_${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  target_link_libraries(test_${name} PRIVATE ${library} ${ARG_LIBRARIES} GTest::gmock GTest::gtest_main)
  if(NOT ARG_CORE)
    flam_precompile(test_${name} TESTS)
  endif()
  target_compile_definitions(test_${name} PRIVATE
    FLAM_SOURCE_DIR="${PROJECT_SOURCE_DIR}" FLAM_BUILD_DIR="${PROJECT_BINARY_DIR}")
  if(ARG_PLUGINS)
    get_property(plugins GLOBAL PROPERTY FLAM_PLUGIN_TARGETS)
    add_dependencies(test_${name} ${plugins})
  endif()
  set(cost ${ARG_TIMEOUT})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)  # a few times what the slowest takes, because machines may be busy
    set(cost 120)
  endif()
  add_test(NAME ${name} COMMAND test_${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  # Tests with a long time limit start first, so that none of them runs alone at the end.
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} COST ${cost} LABELS "${ARG_LABELS}")
endfunction()

# flam_test_on_fake_device(NAME [FILTER f]): runs the test NAME again with its models on the fake device.
function(flam_test_on_fake_device name)
  cmake_parse_arguments(ARG "" "FILTER" "" ${ARGN})
  if(FLAM_SANITIZE)  # a sanitizer's runtime library must be the first that is loaded
    return()
  endif()
  if(NOT ARG_FILTER)
    set(ARG_FILTER *)
  endif()
  add_dependencies(test_${name} flam_fake_device)
  add_test(NAME ${name}_on_fake_device COMMAND test_${name} --gtest_filter=${ARG_FILTER}
           WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${name}_on_fake_device PROPERTIES TIMEOUT 300 LABELS fake_device
    ENVIRONMENT "LD_PRELOAD=$<TARGET_FILE:flam_fake_device>;FLAM_TEST_DEVICE=fake")
endfunction()
