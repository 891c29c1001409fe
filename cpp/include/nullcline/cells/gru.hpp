// The gated recurrent unit, with the reset gate after the product, as in PyTorch and cuDNN.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "nullcline/cells/unit.hpp"

namespace nullcline {

/// h' = (1 − z) ∘ n + z ∘ h, n = tanh(drive + r ∘ (W_n h + bias)). Since z < 1, h is a fixed point
/// exactly where n(h) = h: the update gate drops out.
struct Gru : CellDefaults {
    static constexpr std::string_view name = "gru";
    static constexpr Block<0> r{};
    static constexpr Block<1> n{};
    static constexpr Block<2> z{};
    static constexpr std::size_t blocks = 3;
    static constexpr std::size_t reduced_blocks = 2;
    static constexpr std::array<std::string_view, 1> parameters{"inner_bias"};
    static constexpr Parameter<0> inner_bias{};

    template <class In>
    [[gnu::always_inline]] static constexpr auto reduced(const In& in) {
        const auto reset = logistic(in.sum(r)).value;
        return tanh(in.drive(n) + reset * (in.product(n) + in.parameter(inner_bias))) - in.h();
    }

    template <class In>
    [[gnu::always_inline]] static constexpr auto update(const In& in) {
        return logistic(in.sum(z)).complement * reduced(in);
    }
};

}  // namespace nullcline
