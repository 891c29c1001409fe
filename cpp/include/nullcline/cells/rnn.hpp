// The vanilla recurrent network (Elman 1990), with tanh or with rectified linear units.
#pragma once

#include <cstddef>
#include <limits>
#include <string_view>

#include "nullcline/cells/unit.hpp"
#include "nullcline/numerics/box.hpp"

namespace nullcline {

/// h' = φ(W h + drive)
template <class Activation>
struct Rnn {
    static constexpr std::string_view name = Activation::name;
    static constexpr Block<0> a{};
    static constexpr std::size_t blocks = 1;
    static constexpr std::size_t reduced_blocks = 1;
    static constexpr std::size_t parts = 1;
    static constexpr bool is_reducible = false;
    static constexpr bool has_inner_bias = false;
    static constexpr bool has_gated_block = false;

    template <class T>
    static constexpr Range<T> range = Activation::template range<T>;

    template <class In>
    [[gnu::always_inline]] static constexpr auto reduced(const In& in) {
        return Activation::of(in.sum(a)) - in.h();
    }

    template <class In>
    [[gnu::always_inline]] static constexpr auto update(const In& in) {
        return reduced(in);
    }
};

struct Tanh {
    static constexpr std::string_view name = "tanh rnn";

    template <class T>
    static constexpr Range<T> range = open_unit_range<T>;

    template <class Number>
    [[gnu::always_inline]] static constexpr auto of(const Number& sum) {
        return tanh(sum);
    }
};

/// max(a, 0): the network is linear wherever the same units are active, so that one step of
/// Newton's method is exact where their pattern is right. States are not negative, and unbounded.
struct Relu {
    static constexpr std::string_view name = "relu rnn";

    template <class T>
    static constexpr Range<T> range{0, std::numeric_limits<T>::max(), true};

    template <class Number>
    [[gnu::always_inline]] static constexpr auto of(const Number& sum) {
        return relu(sum);
    }
};

using TanhRnn = Rnn<Tanh>;
using ReluRnn = Rnn<Relu>;

}  // namespace nullcline
