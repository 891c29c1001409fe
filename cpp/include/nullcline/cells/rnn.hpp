// The vanilla recurrent network (Elman 1990).
#pragma once

#include <cstddef>
#include <string_view>

#include "nullcline/cells/unit.hpp"

namespace nullcline {

/// h' = φ(W h + drive)
struct Rnn : CellDefaults {
    static constexpr std::string_view name = "rnn";
    static constexpr Block<0> a{};
    static constexpr std::size_t blocks = 1;
    static constexpr std::size_t reduced_blocks = 1;
    static constexpr bool is_reducible = false;
    static constexpr bool has_activation = true;
    static constexpr Bounds bounds = Bounds::activation;

    template <class In>
    [[gnu::always_inline]] static constexpr auto reduced(const In& in) {
        return in.activate(in.sum(a)) - in.h();
    }

    template <class In>
    [[gnu::always_inline]] static constexpr auto update(const In& in) {
        return reduced(in);
    }
};

}  // namespace nullcline
