# Flags of our own targets; nothing here reaches a consumer.

set(tensorhold_sanitizer_flags "")
if(TENSORHOLD_SANITIZE STREQUAL "address")
  set(tensorhold_sanitizer_flags -fsanitize=address,undefined -fno-sanitize-recover=all
                                 -fno-omit-frame-pointer)
elseif(TENSORHOLD_SANITIZE STREQUAL "thread")
  set(tensorhold_sanitizer_flags -fsanitize=thread)
elseif(TENSORHOLD_SANITIZE)
  message(FATAL_ERROR "TENSORHOLD_SANITIZE is \"${TENSORHOLD_SANITIZE}\"; use address or thread")
endif()

# GCC 12 warns of "x" + std::string at -O3 where nothing is wrong (its bug 105651).
set(tensorhold_gcc_12
  "$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>")

function(tensorhold_use_build_flags target)
  set_target_properties(${target} PROPERTIES
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE -Wall -Wextra $<$<BOOL:${TENSORHOLD_WERROR}>:-Werror>
                                           $<${tensorhold_gcc_12}:-Wno-restrict>
                                           ${tensorhold_sanitizer_flags})
  target_link_options(${target} PRIVATE ${tensorhold_sanitizer_flags})
endfunction()
