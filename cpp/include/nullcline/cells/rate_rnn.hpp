// The rate network of theory (Sompolinsky, Crisanti and Sommers 1988), in steps of time.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "nullcline/cells/unit.hpp"

namespace nullcline {

/// h' = (1 − α) h + α (W φ(h) + drive): the block multiplies φ(h), not h. Since α > 0, h is a fixed
/// point exactly where W φ(h) + drive = h, whatever α.
struct RateRnn : CellDefaults {
    static constexpr std::string_view name = "rate_rnn";
    static constexpr Block<0> a{};
    static constexpr std::size_t blocks = 1;
    static constexpr std::size_t reduced_blocks = 1;
    static constexpr std::array<std::string_view, 1> parameters{"alpha"};
    static constexpr Parameter<0> alpha{};
    static constexpr bool has_constant_gate = true;
    static constexpr bool has_activation = true;
    static constexpr bool has_gated_input = true;
    static constexpr Bounds bounds = Bounds::weighted_activation;

    template <class In>
    [[gnu::always_inline]] static constexpr auto gated(const In& in) {
        return in.activate(in.h());
    }

    template <class In>
    [[gnu::always_inline]] static constexpr auto reduced(const In& in) {
        return in.sum(a) - in.h();
    }

    template <class In>
    [[gnu::always_inline]] static constexpr auto update(const In& in) {
        return in.parameter(alpha) * reduced(in);
    }
};

}  // namespace nullcline
