# Which compilers the core is for.

# Stop where a compiler of that kind and version is known to fail, and say what to do.
function(nullcline_check_compiler kind version)
  set(needed "use g++ 12, clang 17, Apple's clang 16 (Xcode 16) or a newer one")
  if(NOT kind MATCHES "^(GNU|Clang|AppleClang)$")
    message(
      FATAL_ERROR
        "nullcline is not compiled by ${kind}, which has neither GNU's vectors nor its inlining: "
        "${needed}. On Windows, install nullcline in the Windows Subsystem for Linux."
    )
  endif()
  # Aggregates whose template arguments are deduced, of C++20, are not in older ones.
  set(oldest_GNU 12)
  set(oldest_Clang 17)
  set(oldest_AppleClang 16)
  if(version VERSION_LESS oldest_${kind})
    message(FATAL_ERROR "${kind} ${version} lacks parts of C++20: ${needed}")
  endif()
endfunction()
