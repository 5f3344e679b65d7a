# find_package(tensorhold) and pkg-config for those who install us.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

install(TARGETS tensorhold EXPORT tensorhold-targets)
install(DIRECTORY include/tensorhold TYPE INCLUDE)
install(EXPORT tensorhold-targets NAMESPACE tensorhold::
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/tensorhold)
configure_package_config_file(cmake/tensorhold-config.cmake.in tensorhold-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/tensorhold)
write_basic_package_version_file(tensorhold-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/tensorhold-config.cmake
              ${PROJECT_BINARY_DIR}/tensorhold-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/tensorhold)

configure_file(cmake/tensorhold.pc.in tensorhold.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/tensorhold.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES LICENSE TYPE DOC)
if(TARGET tensorhold-cli)
  # The licences of what is linked in ask to go along.
  install(FILES licenses/CLI11.txt licenses/fmt.txt licenses/simdjson.txt TYPE DOC)
  install(TARGETS tensorhold-cli)
endif()
