# cmake --install: installs a tree that runs from wherever it is moved to, for any user who may read it, and the package
# that find_package(flamboyance) reads.
include(CMakePackageConfigHelpers)
option(FLAM_INSTALL_TORCH "Copy libtorch (0.5 GB) into the installed tree" ON)
install(CODE "set(FLAM_INSTALL_TORCH ${FLAM_INSTALL_TORCH})\nset(FLAM_TORCH_DIR \"${FLAM_TORCH_DIR}\")")
install(SCRIPT tools/cmake/InstallTorch.cmake)
set(package_dir lib/cmake/flamboyance)

set_target_properties(flamboyance_core PROPERTIES EXPORT_NAME core)
install(TARGETS flamboyance_core flamboyance flam-manifest EXPORT flamboyanceTargets
        LIBRARY DESTINATION lib RUNTIME DESTINATION bin)
install(EXPORT flamboyanceTargets NAMESPACE flamboyance:: DESTINATION ${package_dir})

# A project that uses the package looks whether the stamp has changed when this file is newer than its build files.
install(CODE "file(TOUCH \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${package_dir}/flamboyanceTargets.cmake\")")

configure_package_config_file(tools/cmake/flamboyanceConfig.cmake.in ${CMAKE_BINARY_DIR}/flamboyanceConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/flamboyanceConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/flamboyanceConfig.cmake ${CMAKE_BINARY_DIR}/flamboyanceConfigVersion.cmake
              tools/cmake/FlamPlugin.cmake tools/cmake/Precompile.cmake tools/cmake/Torch.cmake
              tools/cmake/plugin.map
        DESTINATION ${package_dir})

install(DIRECTORY framework/ DESTINATION include/flamboyance/framework FILES_MATCHING PATTERN "*.h")
install(DIRECTORY configs/ DESTINATION share/flamboyance/configs PATTERN "*.partial" EXCLUDE)
install(FILES README.md CONTRIBUTING.md LICENSE DESTINATION share/doc/flamboyance)
install(DIRECTORY docs/ DESTINATION share/doc/flamboyance/docs)
install(DIRECTORY tools/templates/ DESTINATION share/flamboyance/templates)
