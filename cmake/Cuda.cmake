# What nvcc needs to be told: a host compiler that it supports, and the GPUs to compile for.

# Set `result` to a compiler for nvcc's host code: CMake's own if nvcc takes it, and else the newest
# g++ that it does take. nvcc refuses compilers newer than itself; it is asked, by an empty file.
function(nullcline_cuda_host_compiler nvcc cxx result)
  set(empty "${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/empty.cu")
  file(WRITE "${empty}" "")
  execute_process(
    COMMAND "${nvcc}" -ccbin "${cxx}" -E "${empty}"
    RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE complaint
  )
  set(chosen "${cxx}")
  if(complaint MATCHES "gcc versions later than ([0-9]+) are not supported")
    set(newest ${CMAKE_MATCH_1})
    set(names "")
    foreach(version RANGE ${newest} 10 -1) # C++20 begins there
      list(APPEND names g++-${version})
    endforeach()
    unset(found)
    find_program(found NAMES ${names} NO_CACHE)
    if(NOT found)
      message(
        FATAL_ERROR
          "nvcc takes g++ up to version ${newest}, and ${cxx} is newer: install g++-${newest}, or "
          "name a compiler with -DCMAKE_CUDA_HOST_COMPILER=/path/to/g++"
      )
    endif()
    set(chosen "${found}")
  elseif(NOT status EQUAL 0)
    message(FATAL_ERROR "nvcc does not work with ${cxx} as its host compiler, which "
                        "-DCMAKE_CUDA_HOST_COMPILER=/path/to/compiler changes:\n${complaint}")
  endif()
  message(STATUS "The host compiler of nvcc is ${chosen}")
  set(${result} "${chosen}" PARENT_SCOPE)
endfunction()

# Set `result` to what an nvcc of this version compiles for: A100, H100 and, from 12.8 on, Blackwell
# in both its kinds, which would otherwise take a minute to compile PTX at a program's first search;
# and PTX of the newest that all later GPUs can run.
function(nullcline_cuda_architectures version result)
  set(known 80-real 90-real)
  if(version VERSION_GREATER_EQUAL 12.8)
    list(APPEND known 100-real 120-real 100-virtual)
  else()
    list(APPEND known 90-virtual)
  endif()
  set(${result} "${known}" PARENT_SCOPE)
endfunction()
