# Which files are for the system that is built for.

# Endings of files for this system, the most special first. One that is for several systems has the
# ending of what they share; NAME_generic.cpp is for systems that have nothing of their own there.
if(WIN32)
  set(tensorhold_systems windows generic)
elseif(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  set(tensorhold_systems linux posix generic)
else()
  set(tensorhold_systems posix generic)
endif()

# tensorhold_add_sources(TARGET file…): adds what is for this system. Of NAME_linux.cpp,
# NAME_posix.cpp, NAME_windows.cpp and NAME_generic.cpp that is one at most, the most special; all
# files without such an ending.
function(tensorhold_add_sources target)
  foreach(file IN LISTS ARGN)
    if(NOT file MATCHES "^(.+)_(linux|posix|windows|generic)\\.cpp$")
      target_sources(${target} PRIVATE ${file})
      continue()
    endif()
    set(name ${CMAKE_MATCH_1})
    set(system ${CMAKE_MATCH_2})
    foreach(other IN LISTS tensorhold_systems)
      if(other STREQUAL system)
        target_sources(${target} PRIVATE ${file})
      endif()
      if("${name}_${other}.cpp" IN_LIST ARGN)
        break()
      endif()
    endforeach()
  endforeach()
endfunction()
