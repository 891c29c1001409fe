// Any other network: a map that its owner computes, for many states at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "nullcline/cells/equation.hpp"
#include "nullcline/numerics/box.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/weights.hpp"
#include "nullcline/parallel/thread_group.hpp"

namespace nullcline {

/// F(h) − h for a map F of which nothing is known but its values and its Jacobian.
///
/// It has the form of a cell's equation: each state's own ∂F/∂h stands for the weights, and F(h)
/// for the products: f = F(h) − h and J = diag(1) ∂F/∂h − diag(1). Its second derivatives are known
/// only by their products with directions, which come with those of ∂F/∂h.
template <class T>
class FunctionEquation {
  public:
    using Scalar = T;

    /// The products of a sum of states are not the sums of theirs: they are computed anew.
    /// Nor do fields make the curvature: it has products of its own.
    static constexpr bool has_linear_products = false;

    FunctionEquation(std::span<const T> ones, const Range<T>& range) : ones_(ones), range_(range) {}

    /// It is the update itself.
    [[nodiscard]] bool is_update() const { return true; }
    [[nodiscard]] std::size_t units() const { return ones_.size(); }
    [[nodiscard]] std::size_t parts() const { return 1; }
    [[nodiscard]] std::size_t size() const { return units(); }
    [[nodiscard]] std::size_t blocks() const { return 1; }
    [[nodiscard]] std::size_t n_gated() const { return 0; }
    [[nodiscard]] std::size_t curved_fields() const { return 1; }
    /// The shape alone: each state has weights of its own.
    [[nodiscard]] Weights<T> weights() const {
        return MatrixView<const T>(nullptr, units(), units());
    }
    /// Norms of the weights' rows: 1, as if rows of ∂F/∂h had that.
    [[nodiscard]] std::span<const T> row_norms() const { return ones_; }
    [[nodiscard]] bool box_follows_input() const { return false; }
    [[nodiscard]] Box<T> box(std::span<const T> /*drive*/) const { return {range_}; }

    template <class Group>
    void compute_gated_input(const Group&, std::span<const T>, std::span<const T>,
                             std::span<const T>, std::span<T>) const {}

    template <class Group>
    void linearize(const Group&, std::span<const T> state, std::span<const T> products,
                   std::span<const T>, const Linearized<T>& out) const {
        std::ranges::transform(products, state, out.residual.begin(), std::minus<T>());
        std::ranges::fill(out.scales, T{1});
        std::ranges::fill(out.identity, T{1});
    }

    template <class Group>
    void curvature(const Group&, std::span<const T>, std::span<const T>, std::span<const T>,
                   std::span<const T>, std::span<const T>, std::span<T> out) const {
        std::ranges::fill(out, T{0});
    }

    template <class Group>
    void complete(const Group&, std::span<const T>, std::span<const T>, std::span<const T>,
                  std::span<T>) const {}

    template <class Group>
    [[nodiscard]] Norms<T> norms(const Group& group, std::span<const T> state, std::span<const T>,
                                 std::span<const T>) const {
        return {norm(group, state), T{0}};
    }

    /// The bound is that of a cell whose rows of weights have norm 1, with a margin.
    [[nodiscard]] T rounding(std::span<const T>, std::span<const T>, std::span<const T>,
                             const Norms<T>& norms, std::size_t) const {
        return 64 * std::numeric_limits<T>::epsilon() * (norms.outputs + 1);
    }

  private:
    std::span<const T> ones_;
    Range<T> range_;
};

static_assert(Equation<FunctionEquation<double>>);

/// A map F linearized at n states, each with a u, for directions, which need not be exact. Operands
/// and results are (n, S).
class LinearizedMap {
  public:
    using Directions = MatrixView<const float>;

    LinearizedMap() = default;
    LinearizedMap(const LinearizedMap&) = delete;
    LinearizedMap& operator=(const LinearizedMap&) = delete;
    virtual ~LinearizedMap() = default;

    /// out = uᵀ ∂F/∂h
    virtual void pulled(MatrixView<float> out) const = 0;
    /// out = ∂F/∂h v
    virtual void forward(Directions v, MatrixView<float> out) const = 0;
    /// out = ∂F/∂h v, and bent = Σ_i u_i ∂²F_i/∂h² v
    virtual void curved(Directions v, MatrixView<float> out, MatrixView<float> bent) const = 0;
    /// out = wᵀ ∂F/∂h for another w
    virtual void backward(Directions w, MatrixView<float> out) const = 0;
};

/// A map (n, S) x (n, D) → (n, S) and its derivatives by the state, as functions of many states,
/// their inputs and, last, where the results go. Nothing that they are given may be kept.
template <class T>
class Function {
  public:
    using Scalar = T;
    using States = MatrixView<const T>;

    /// F, a row per state.
    std::function<void(States h, States x, MatrixView<T> out)> step;
    /// ∂F/∂h, one (S, S) matrix per state, stacked.
    std::function<void(States h, States x, MatrixView<T> out)> jacobian;
    /// The same in single precision, for steps, which need not be exact.
    std::function<void(States h, States x, MatrixView<float> out)> rough_jacobian;
    /// uᵀ ∂F/∂h, one u per state.
    std::function<void(States h, States x, States u, MatrixView<T> out)> vjp;

    /// The map linearized at states, with one u each, for directions.
    std::function<std::unique_ptr<LinearizedMap>(States h, States x, MatrixView<const float> u)>
        linearized;

    Function(std::size_t size, std::size_t input_size, const Range<T>& range)
        : ones_(size, T{1}), inputs_(input_size), range_(range) {}

    [[nodiscard]] std::size_t size() const { return ones_.size(); }
    [[nodiscard]] std::size_t state_size() const { return size(); }
    [[nodiscard]] std::size_t input_size() const { return inputs_; }
    [[nodiscard]] FunctionEquation<T> equation() const {
        return FunctionEquation<T>(ones_, range_);
    }

    /// The drive is the input itself, since nothing more is known of the map.
    [[nodiscard]] std::size_t drive_size() const { return inputs_; }
    void drive(std::span<const T> x, std::span<T> out) const {
        std::ranges::fill(out, T{0});
        std::ranges::copy(x, out.begin());
    }

  private:
    std::vector<T> ones_;
    std::size_t inputs_;
    Range<T> range_;
};

}  // namespace nullcline
