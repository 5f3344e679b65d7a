# How tests are added.
include(GoogleTest)
find_package(GTest REQUIRED)

# Tests are compiled far longer than they run: they are optimised less than the library.
if(TENSORHOLD_SANITIZE)
  set(tensorhold_test_options -O0)
else()
  set(tensorhold_test_options -O1)
endif()

# What nearly every test includes, parsed once a build where no cache of objects serves: ccache knows
# headers compiled before only within one folder, and build/dev is there for many.
if(TENSORHOLD_TEST_PCH)
  add_library(tensorhold-test-headers OBJECT ${PROJECT_SOURCE_DIR}/tests/support/headers.cpp)
  tensorhold_use_build_flags(tensorhold-test-headers)
  target_compile_options(tensorhold-test-headers PRIVATE ${tensorhold_test_options})
  target_link_libraries(tensorhold-test-headers PRIVATE tensorhold::tensorhold GTest::gtest)
  target_precompile_headers(tensorhold-test-headers PRIVATE
    <gtest/gtest.h> <algorithm> <array> <atomic> <cstring> <filesystem> <fstream> <functional>
    <optional> <string> <thread> <vector> <tensorhold/tensorhold.hpp>)
endif()

# tensorhold_add_test(NAME [OPTIMIZED] [DATA] SOURCES file… [LIBS lib…] [LABELS label…]
# [PROPERTIES name value…]): a GoogleTest program, each of whose tests ctest knows by name. Tests see
# src/ and tests/. OPTIMIZED: compiled like the library, for tests whose own loops are hot. DATA:
# defines TENSORHOLD_TEST_DATA, the folder tests/data; only for those that ask, because a path in the
# command keeps ccache from helping other checkouts.
function(tensorhold_add_test name)
  cmake_parse_arguments(arg "OPTIMIZED;DATA" "" "SOURCES;LIBS;LABELS;PROPERTIES" ${ARGN})
  add_executable(${name} ${arg_SOURCES} ${arg_UNPARSED_ARGUMENTS})
  tensorhold_use_build_flags(${name})
  if(NOT arg_OPTIMIZED)
    target_compile_options(${name} PRIVATE ${tensorhold_test_options})
    if(TENSORHOLD_TEST_PCH)
      target_precompile_headers(${name} REUSE_FROM tensorhold-test-headers)
    endif()
  endif()
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  if(arg_DATA)
    target_compile_definitions(${name} PRIVATE
      TENSORHOLD_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data")
  endif()
  target_link_libraries(${name} PRIVATE tensorhold::tensorhold ${arg_LIBS} GTest::gtest_main)
  gtest_discover_tests(${name} TEST_PREFIX ${name}: DISCOVERY_MODE PRE_TEST
    DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 300 LABELS "${arg_LABELS}"
    ${arg_PROPERTIES})
endfunction()

# tensorhold_add_compile_fail_test(NAME file): `file` must not compile as it is, and must compile with
# TENSORHOLD_GOOD_TWIN defined, so that it fails for the reason it is meant to.
function(tensorhold_add_compile_fail_test name file)
  foreach(twin bad good)
    set(target ${name}_${twin})
    add_library(${target} OBJECT EXCLUDE_FROM_ALL ${file})
    tensorhold_use_build_flags(${target})
    target_link_libraries(${target} PRIVATE tensorhold::tensorhold)
    add_test(NAME compile_fail:${target}
      COMMAND ${CMAKE_COMMAND} --build ${CMAKE_BINARY_DIR} --target ${target})
    # One build at a time: they share the build folder.
    set_tests_properties(compile_fail:${target} PROPERTIES RESOURCE_LOCK build_folder TIMEOUT 300)
  endforeach()
  target_compile_definitions(${name}_good PRIVATE TENSORHOLD_GOOD_TWIN)
  set_tests_properties(compile_fail:${name}_bad PROPERTIES
    PASS_REGULAR_EXPRESSION "use of deleted function|call to deleted|incomplete type")
endfunction()
