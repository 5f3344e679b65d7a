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

function(tensorhold_use_build_flags target)
  set_target_properties(${target} PROPERTIES
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE -Wall -Wextra $<$<BOOL:${TENSORHOLD_WERROR}>:-Werror>
                                           ${tensorhold_sanitizer_flags})
  target_link_options(${target} PRIVATE ${tensorhold_sanitizer_flags})
endfunction()
