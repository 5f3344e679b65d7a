# How fuzz targets are added: with libFuzzer where the compiler has it, else with a main of our own
# that runs the target on files and on simple variations of them.
include(CheckCXXSourceCompiles)
set(CMAKE_REQUIRED_FLAGS "-fsanitize=fuzzer")
check_cxx_source_compiles("
  #include <cstddef>
  #include <cstdint>
  extern \"C\" int LLVMFuzzerTestOneInput(const std::uint8_t*, std::size_t) { return 0; }"
  TENSORHOLD_HAVE_LIBFUZZER)
unset(CMAKE_REQUIRED_FLAGS)

function(tensorhold_add_fuzzer name)
  cmake_parse_arguments(arg "" "" "SOURCES" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  tensorhold_use_build_flags(${name})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${name} PRIVATE tensorhold::tensorhold simdjson::simdjson)
  if(TENSORHOLD_HAVE_LIBFUZZER)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/fuzz/plain_main.cpp)
  endif()
endfunction()

if(TENSORHOLD_HAVE_LIBFUZZER)
  target_compile_options(tensorhold PRIVATE -fsanitize=fuzzer-no-link)
endif()
