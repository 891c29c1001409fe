// The least that tests need: claims, and checks that throw where one does not hold.
//
//   TEST("the sum of two even numbers is even") { CHECK((2 + 4) % 2 == 0); }
//
// Ours, because tests never need the network beyond the package index, and no test framework for
// C++ is to be had there. `support/claims.cpp` runs the claims and names them to ctest.
#pragma once

#include <cmath>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace nullcline::tests {

/// A sentence and what proves it, which throws where it cannot.
struct Claim {
    const char* sentence;
    void (*prove)();
};

/// All claims of the executable; a translation unit adds its own before `main` begins.
inline std::vector<Claim>& claims() {
    static std::vector<Claim> all;
    return all;
}

struct Registration {
    Registration(const char* sentence, void (*prove)()) { claims().push_back({sentence, prove}); }
};

/// What a check throws.
struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

inline void check(bool holds, const std::string& text, const char* file, int line) {
    if (!holds) {
        throw Failure(std::string(file) + ":" + std::to_string(line) + ": " + text);
    }
}

/// NaN is close to nothing.
template <class A, class B, class Tolerance>
void check_close(A actual, B expected, Tolerance tolerance, const char* file, int line) {
    std::ostringstream text;
    text.precision(17);
    text << actual << " is not within " << tolerance << " of " << expected;
    check(std::abs(actual - expected) <= tolerance, text.str(), file, line);
}

}  // namespace nullcline::tests

#define CHECK(condition) \
    ::nullcline::tests::check(static_cast<bool>(condition), #condition, __FILE__, __LINE__)

#define CHECK_CLOSE(actual, expected, tolerance) \
    ::nullcline::tests::check_close(actual, expected, tolerance, __FILE__, __LINE__)

/// That `expression` throws a `type`.
#define CHECK_THROWS(expression, type)                                                         \
    [&] {                                                                                      \
        try {                                                                                  \
            expression;                                                                        \
        } catch (const type&) {                                                                \
            return;                                                                            \
        }                                                                                      \
        ::nullcline::tests::check(false, #expression " throws no " #type, __FILE__, __LINE__); \
    }()

#define NULLCLINE_JOINED(a, b) a##b
#define NULLCLINE_NAMED(name, line) NULLCLINE_JOINED(name, line)

#define TEST(sentence)                                                               \
    static void NULLCLINE_NAMED(prove_, __LINE__)();                                 \
    static const ::nullcline::tests::Registration NULLCLINE_NAMED(claim_, __LINE__)( \
        sentence, &NULLCLINE_NAMED(prove_, __LINE__));                               \
    static void NULLCLINE_NAMED(prove_, __LINE__)()
