// A function compiled for plain x86-64 and for AVX2, the machine's best chosen when it is loaded.
#pragma once

#include <cstddef>  // defines __GLIBC__, where there is one

// The choice rests on GNU's indirect functions: elsewhere there is one version, the compiler's own.
// So there is for ThreadSanitizer, which is not ready yet when the choice is made.
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_THREAD__)
#define NULLCLINE_HAS_VERSIONS
#define NULLCLINE_MULTIVERSION [[gnu::target_clones("default", "arch=x86-64-v3")]]
/// The same with a version for AVX-512.
#define NULLCLINE_WIDE_MULTIVERSION \
    [[gnu::target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")]]
#else
#define NULLCLINE_MULTIVERSION
#define NULLCLINE_WIDE_MULTIVERSION
#endif
