// The update-gate recurrent network (Collins, Sohl-Dickstein and Sussillo 2017).
#pragma once

#include <cstddef>
#include <string_view>

#include "nullcline/cells/unit.hpp"

namespace nullcline {

/// h' = g ∘ h + (1 − g) ∘ c, c = tanh(W_c h + drive). Since g < 1, h is a fixed point exactly where
/// c(h) = h.
struct Ugrnn : CellDefaults {
    static constexpr std::string_view name = "ugrnn";
    static constexpr Block<0> c{};
    static constexpr Block<1> g{};
    static constexpr std::size_t blocks = 2;
    static constexpr std::size_t reduced_blocks = 1;

    template <class In>
    [[gnu::always_inline]] static constexpr auto reduced(const In& in) {
        return tanh(in.sum(c)) - in.h();
    }

    template <class In>
    [[gnu::always_inline]] static constexpr auto update(const In& in) {
        return logistic(in.sum(g)).complement * reduced(in);
    }
};

}  // namespace nullcline
