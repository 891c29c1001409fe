// The gated recurrent unit as it was first published, with the reset gate before the product (Cho
// et al. 2014).
#pragma once

#include <cstddef>
#include <string_view>

#include "nullcline/cells/unit.hpp"

namespace nullcline {

/// h' = (1 − z) ∘ n + z ∘ h, n = tanh(W_n (r ∘ h) + drive): the block n is gated. Since z < 1, h is
/// a fixed point exactly where n(h) = h.
struct OriginalGru : CellDefaults {
    static constexpr std::string_view name = "original_gru";
    static constexpr Block<0> n{};
    static constexpr Block<1> r{};
    static constexpr Block<2> z{};
    static constexpr std::size_t blocks = 3;
    static constexpr std::size_t reduced_blocks = 2;
    static constexpr bool has_gated_input = true;

    template <class In>
    [[gnu::always_inline]] static constexpr auto gated(const In& in) {
        return logistic(in.sum(r)).value * in.h();
    }

    template <class In>
    [[gnu::always_inline]] static constexpr auto reduced(const In& in) {
        return tanh(in.sum(n)) - in.h();
    }

    template <class In>
    [[gnu::always_inline]] static constexpr auto update(const In& in) {
        return logistic(in.sum(z)).complement * reduced(in);
    }
};

}  // namespace nullcline
