# Windows programs, 64-bit, from a Debian machine: mingw-w64 with the posix thread model (the other
# one has no std::thread in GCC 12). Everything is linked statically, so that a program runs alone.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(_triple x86_64-w64-mingw32)
find_program(CMAKE_C_COMPILER NAMES ${_triple}-gcc-posix REQUIRED)
find_program(CMAKE_CXX_COMPILER NAMES ${_triple}-g++-posix REQUIRED)
find_program(CMAKE_RC_COMPILER NAMES ${_triple}-windres REQUIRED)

# Windows 10 is the oldest system; functions newer than 1607 are looked up at run time.
set(CMAKE_C_FLAGS_INIT "-D_WIN32_WINNT=0x0A00")
# GCC 12 sees overlapping copies in std::string's operator+ that are not there (GCC bug 105651).
set(CMAKE_CXX_FLAGS_INIT "-D_WIN32_WINNT=0x0A00 -Wno-restrict")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static")
set(CMAKE_SHARED_LINKER_FLAGS_INIT "-static")

# Libraries that tools/windows/deps.sh built; never those of this machine.
get_filename_component(_deps "${CMAKE_CURRENT_LIST_DIR}/../../build/windows/deps" ABSOLUTE)
set(CMAKE_FIND_ROOT_PATH "${_deps}" /usr/${_triple})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
