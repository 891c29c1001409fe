// The leaky network of rates (Jaeger, Lukoševičius, Popovici and Siewert 2007).
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "nullcline/cells/unit.hpp"

namespace nullcline {

/// h' = (1 − α) h + α φ(W h + drive). Since α > 0, h is a fixed point exactly where φ(W h + drive)
/// = h, whatever α.
struct LeakyRnn : CellDefaults {
    static constexpr std::string_view name = "leaky_rnn";
    static constexpr Block<0> a{};
    static constexpr std::size_t blocks = 1;
    static constexpr std::size_t reduced_blocks = 1;
    static constexpr std::array<std::string_view, 1> parameters{"alpha"};
    static constexpr Parameter<0> alpha{};
    static constexpr bool has_constant_gate = true;
    static constexpr bool has_activation = true;
    static constexpr Bounds bounds = Bounds::activation;

    template <class In>
    [[gnu::always_inline]] static constexpr auto reduced(const In& in) {
        return in.activate(in.sum(a)) - in.h();
    }

    template <class In>
    [[gnu::always_inline]] static constexpr auto update(const In& in) {
        return in.parameter(alpha) * reduced(in);
    }
};

}  // namespace nullcline
