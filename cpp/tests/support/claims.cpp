// Proves the claims that its arguments name, or all; `--ctest` writes a test for each for ctest.
#include "support/claims.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <set>
#include <string>
#include <string_view>

namespace {

using nullcline::tests::Claim;
using nullcline::tests::claims;

bool holds(const Claim& claim) {
    try {
        claim.prove();
        return true;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "does not hold: %s\n  %s\n", claim.sentence, error.what());
        return false;
    }
}

/// As a script of ctest's; false where two claims share a name, of which it would see one.
bool write_for_ctest(const char* executable) {
    std::set<std::string> names;
    for (const Claim& claim : claims()) {
        if (!names.insert(claim.sentence).second) {
            std::fprintf(stderr, "claimed twice: %s\n", claim.sentence);
            return false;
        }
        std::printf("add_test([=[%s]=] [=[%s]=] [=[%s]=])\n", claim.sentence, executable,
                    claim.sentence);
        std::printf("set_tests_properties([=[%s]=] PROPERTIES TIMEOUT 3600)\n", claim.sentence);
    }
    return true;
}

}  // namespace

int main(int n_arguments, char** arguments) {
    if (n_arguments == 2 && std::string_view(arguments[1]) == "--ctest") {
        return write_for_ctest(arguments[0]) ? 0 : 1;
    }
    bool all_hold = true;
    for (int i = 1; i < n_arguments; ++i) {
        const auto named =
            std::ranges::find(claims(), std::string_view(arguments[i]),
                              [](const Claim& c) { return std::string_view(c.sentence); });
        if (named == claims().end()) {
            std::fprintf(stderr, "nobody claims: %s\n", arguments[i]);
            all_hold = false;
        } else {
            all_hold = holds(*named) && all_hold;
        }
    }
    if (n_arguments == 1) {
        for (const Claim& claim : claims()) {
            all_hold = holds(claim) && all_hold;
        }
    }
    return all_hold ? 0 : 1;
}
