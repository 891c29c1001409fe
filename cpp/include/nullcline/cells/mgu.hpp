// The minimal gated unit (Zhou, Wu, Zhang and Zhou 2016), with the gate after the product.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "nullcline/cells/unit.hpp"

namespace nullcline {

/// h' = (1 − f) ∘ n + f ∘ h, n = tanh(drive + f ∘ (W_n h + bias)): a GRU whose two gates are one.
/// Since f < 1, h is a fixed point exactly where n(h) = h.
struct Mgu : CellDefaults {
    static constexpr std::string_view name = "mgu";
    static constexpr Block<0> f{};
    static constexpr Block<1> n{};
    static constexpr std::size_t blocks = 2;
    static constexpr std::size_t reduced_blocks = 2;
    static constexpr std::array<std::string_view, 1> parameters{"inner_bias"};
    static constexpr Parameter<0> inner_bias{};

    template <class In>
    [[gnu::always_inline]] static constexpr auto reduced(const In& in) {
        const auto gate = logistic(in.sum(f)).value;
        return tanh(in.drive(n) + gate * (in.product(n) + in.parameter(inner_bias))) - in.h();
    }

    template <class In>
    [[gnu::always_inline]] static constexpr auto update(const In& in) {
        return logistic(in.sum(f)).complement * reduced(in);
    }
};

}  // namespace nullcline
