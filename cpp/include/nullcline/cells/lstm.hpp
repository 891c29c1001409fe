// The long short-term memory (Hochreiter and Schmidhuber 1997; Gers, Schmidhuber and Cummins 2000).
#pragma once

#include <cstddef>
#include <string_view>

#include "nullcline/cells/unit.hpp"

namespace nullcline {

/// c' = f ∘ c + i ∘ g, h' = o ∘ tanh(c'); a state is [h, c]. At a fixed point c = i ∘ g / (1 − f),
/// so that its 2H unknowns are the H of h alone.
struct Lstm : CellDefaults {
    static constexpr std::string_view name = "lstm";
    static constexpr Block<0> i{};
    static constexpr Block<1> f{};
    static constexpr Block<2> g{};
    static constexpr Block<3> o{};
    static constexpr std::size_t blocks = 4;
    static constexpr std::size_t reduced_blocks = 4;
    static constexpr std::size_t parts = 2;

    template <class In>
    [[gnu::always_inline]] static constexpr auto intake(const In& in) {
        return logistic(in.sum(i)).value * tanh(in.sum(g));
    }

    /// The c that stays as it is, given h.
    template <class In>
    [[gnu::always_inline]] static constexpr auto equilibrium(const In& in) {
        return intake(in) / logistic(in.sum(f)).complement;
    }

    template <class In>
    [[gnu::always_inline]] static constexpr auto reduced(const In& in) {
        return logistic(in.sum(o)).value * tanh(equilibrium(in)) - in.h();
    }

    template <class In>
    [[gnu::always_inline]] static constexpr auto update(const In& in) {
        const auto forget = logistic(in.sum(f));
        const auto c = forget.value * in.second_part() + intake(in);
        return both(logistic(in.sum(o)).value * tanh(c) - in.h(),
                    intake(in) - forget.complement * in.second_part());
    }
};

}  // namespace nullcline
