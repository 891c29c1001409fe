// The vanilla recurrent network (Elman 1990), with tanh or with rectified linear units.
#pragma once

#include <cstddef>
#include <string_view>

#include "nullcline/cells/unit.hpp"
#include "nullcline/solvers/box.hpp"

namespace nullcline {

/// h' = tanh(W h + drive)
struct TanhRnn {
    static constexpr std::string_view name = "tanh rnn";
    static constexpr Block<0> a{};
    static constexpr std::size_t blocks = 1;
    static constexpr std::size_t reduced_blocks = 1;
    static constexpr std::size_t parts = 1;
    static constexpr bool is_reducible = false;
    static constexpr bool has_inner_bias = false;

    template <class T>
    static constexpr Box<T> box = open_cube<T>;

    template <class In>
    [[gnu::always_inline]] static constexpr auto reduced(const In& in) {
        return tanh(in.sum(a)) - in.h();
    }

    template <class In>
    [[gnu::always_inline]] static constexpr auto update(const In& in) {
        return reduced(in);
    }
};

/// h' = max(W h + drive, 0): linear wherever the same units are active, so that one step of
/// Newton's method is exact where their pattern is right. States are not negative, and unbounded.
struct ReluRnn {
    static constexpr std::string_view name = "relu rnn";
    static constexpr Block<0> a{};
    static constexpr std::size_t blocks = 1;
    static constexpr std::size_t reduced_blocks = 1;
    static constexpr std::size_t parts = 1;
    static constexpr bool is_reducible = false;
    static constexpr bool has_inner_bias = false;

    template <class T>
    static constexpr Box<T> box = orthant<T>;

    template <class In>
    [[gnu::always_inline]] static constexpr auto reduced(const In& in) {
        return relu(in.sum(a)) - in.h();
    }

    template <class In>
    [[gnu::always_inline]] static constexpr auto update(const In& in) {
        return reduced(in);
    }
};

}  // namespace nullcline
