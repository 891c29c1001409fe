// A layer along many sequences at once, and the gradients of its weights.
//
// Sequences are packed as PyTorch packs them: the longest first, step after step, and of each step
// only the sequences that it has, so that nothing is computed for padding. Threads share the
// sequences out, each taking its own through all steps without waiting for the others, and then
// the rows of the weights' gradients. No number depends on how many threads there are.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "nullcline/numerics/flushed.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/panels.hpp"
#include "nullcline/parallel/workers.hpp"
#include "nullcline/training/steps.hpp"

namespace nullcline::training {

/// How many sequences have each step, and who computes.
class Packing {
  public:
    Packing(std::span<const std::int64_t> active, std::size_t n_threads, const Poll& poll)
        : n_threads_(n_threads), poll_(poll) {
        first_.reserve(active.size() + 1);
        first_.push_back(0);
        for (const std::int64_t n : active) {
            first_.push_back(first_.back() + static_cast<std::size_t>(n));
        }
    }

    [[nodiscard]] std::size_t steps() const { return first_.size() - 1; }
    /// The first row of a step, and how many it has.
    [[nodiscard]] std::size_t first(std::size_t t) const { return first_[t]; }
    [[nodiscard]] std::size_t active(std::size_t t) const { return first_[t + 1] - first_[t]; }
    [[nodiscard]] std::size_t rows() const { return first_.back(); }
    [[nodiscard]] std::size_t sequences() const { return steps() > 0 ? active(0) : 0; }

    /// Call `use(share, n_shares)` for shares of `n` items of which one should have some.
    template <class Use>
    void for_each_share(std::size_t n, std::size_t some, const Use& use) const {
        const std::size_t n_shares = std::clamp<std::size_t>(n / some, 1, n_threads_);
        for_each_tile(
            n_shares, 1, n_threads_,
            [&](std::size_t first, std::size_t count) {
                const FlushedSubnormals flushed;
                for (std::size_t share = first; share < first + count; ++share) {
                    use(share, n_shares);
                }
            },
            poll_);
    }

  private:
    std::vector<std::size_t> first_;
    std::size_t n_threads_;
    const Poll& poll_;
};

/// The weights of a layer. Blocks are in the order of their preactivations: those of `weight_hh` in
/// that of the products, those of `weight_ih` in that of the drives.
template <class T>
struct LayerWeights {
    MatrixView<const T> weight_ih, weight_hh;
    std::span<const T> bias_ih, bias_hh;
    std::span<const T> parameters;  ///< H of each that the cell has, such as its leak
};

/// What a layer reads and, once it has run, has come through; a row for each step of a sequence.
template <class T>
struct LayerRun {
    MatrixView<const T> inputs;
    MatrixView<const T> start;     ///< states before the first step, a row for each sequence
    MatrixView<T> states;          ///< after each step
    MatrixView<T> preactivations;  ///< see training/unit.hpp; or nothing, if they are not kept
};

/// Gradients of a scalar.
template <class T>
struct LayerGradients {
    MatrixView<const T> outputs;  ///< by the outputs after each step; or nothing
    MatrixView<T>
        states;  ///< by the last state of each sequence; then by that before the first step
    MatrixView<T> inputs;  ///< by what is read; or nothing, if it is not wanted
    MatrixView<T> weight_ih, weight_hh;
    std::span<T> bias_ih, bias_hh;
};

namespace detail {

/// Sequences that are worth a thread of their own.
inline constexpr std::size_t sequences_per_share = 8;

/// Rows of the weights' gradients that are: the rows that they are multiplied by are laid in panels
/// by each thread for itself.
inline constexpr std::size_t gradient_rows_per_share = 48;

/// Rows of a run that the weights' gradients are summed over together.
inline constexpr std::size_t rows_per_sum = 128;

/// Every `n_shares`-th sequence, so that all shares have long and short ones.
struct SequenceShare {
    const Packing& packing;
    std::size_t share, n_shares;

    [[nodiscard]] std::size_t count(std::size_t n) const {
        return n > share ? (n - share + n_shares - 1) / n_shares : 0;
    }
    /// The first `count` of this share's rows, where all rows begin at `first`.
    template <class T>
    [[nodiscard]] MatrixView<T> rows(MatrixView<T> all, std::size_t first,
                                     std::size_t count) const {
        return {all.data() + (first + share) * all.stride(), count, all.cols(),
                n_shares * all.stride()};
    }
    /// The states before a step.
    template <class T>
    [[nodiscard]] MatrixView<const T> before(const LayerRun<T>& run, std::size_t t) const {
        const std::size_t n = count(packing.active(t));
        return t == 0 ? rows(run.start, 0, n)
                      : rows(MatrixView<const T>(run.states), packing.first(t - 1), n);
    }
};

/// The biases, where their preactivations are.
template <class T>
[[nodiscard]] std::vector<T> bias_of_preactivations(const LayerWeights<T>& weights, std::size_t n) {
    std::vector<T> bias(n);
    std::ranges::copy(weights.bias_hh, bias.begin());
    for (std::size_t i = 0; i < weights.bias_ih.size(); ++i) {
        bias[n - weights.bias_ih.size() + i] += weights.bias_ih[i];
    }
    return bias;
}

template <class T>
void fill_rows(MatrixView<T> rows, std::span<const T> with) {
    for (std::size_t i = 0; i < rows.rows(); ++i) {
        std::ranges::copy(with, rows.row(i).begin());
    }
}

/// Copies of some rows' gradients by preactivations, and their sums: of `n` of the products from
/// `low` on, and of the drives of the same units and blocks. Most cells read most of these in one.
template <class T>
class PreactivationRows {
  public:
    PreactivationRows(MatrixView<const T> preactivations, std::size_t first_drive, std::size_t low,
                      std::size_t n)
        : products_(preactivations.columns(low, n)),
          n_more_(std::min(first_drive, n)),
          more_(preactivations.columns(low + first_drive + n - n_more_, n_more_)),
          copies_(rows_per_sum, n + n_more_ + pad),
          sums_(n + n_more_) {}

    /// Hold `count` rows from `first` on.
    void hold(std::size_t first, std::size_t count) {
        count_ = count;
        std::ranges::fill(sums_, T{0});
        for (std::size_t k = 0; k < count; ++k) {
            const auto copy = copies_.row(k);
            const auto more = std::ranges::copy(products_.row(first + k), copy.begin()).out;
            std::ranges::copy(more_.row(first + k), more);
            std::ranges::transform(sums_, copy, sums_.begin(), std::plus<>());
        }
    }

    [[nodiscard]] MatrixView<const T> products() const { return columns(0); }
    [[nodiscard]] MatrixView<const T> drives() const { return columns(n_more_); }

    void add_sums_of_products(std::span<T> to) const { add_sums(0, to); }
    void add_sums_of_drives(std::span<T> to) const { add_sums(n_more_, to); }

  private:
    // Rows of preactivations are a power of two apart and share one set of the cache; those of a
    // copy do not.
    static constexpr std::size_t pad = 64 / sizeof(T);

    [[nodiscard]] MatrixView<const T> columns(std::size_t first) const {
        return copies_.view().middle_rows(0, count_).columns(first, products_.cols());
    }
    void add_sums(std::size_t first, std::span<T> to) const {
        std::ranges::transform(to, std::span(sums_).subspan(first, to.size()), to.begin(),
                               std::plus<>());
    }

    MatrixView<const T> products_;
    std::size_t n_more_;
    MatrixView<const T> more_;
    Matrix<T> copies_;
    std::vector<T> sums_;
    std::size_t count_ = 0;
};

template <class T>
void set_zero(MatrixView<T> matrix) {
    for (std::size_t i = 0; i < matrix.rows(); ++i) {
        std::ranges::fill(matrix.row(i), T{0});
    }
}

}  // namespace detail

/// Run a layer along all sequences.
template <class T>
void run_layer(TrainedCell cell, const LayerWeights<T>& weights, const Packing& packing,
               const LayerRun<T>& run) {
    const std::size_t size = weights.weight_hh.cols();
    const std::size_t n_products = weights.weight_hh.rows();
    const std::size_t n_preactivations = layout(cell).preactivations * size;
    const auto input_panels = Panels<T>::transpose_of(weights.weight_ih);
    const auto recurrent_panels = Panels<T>::transpose_of(weights.weight_hh);
    const std::vector<T> bias = detail::bias_of_preactivations(weights, n_preactivations);
    packing.for_each_share(
        packing.sequences(), detail::sequences_per_share,
        [&](std::size_t share, std::size_t n_shares) {
            const detail::SequenceShare own{packing, share, n_shares};
            const bool keeps = run.preactivations.rows() > 0;
            Matrix<T> passing(keeps ? 0 : own.count(packing.sequences()), n_preactivations);
            for (std::size_t t = 0; t < packing.steps(); ++t) {
                const std::size_t first = packing.first(t);
                const std::size_t n = own.count(packing.active(t));
                const auto preactivations = keeps ? own.rows(run.preactivations, first, n)
                                                  : passing.view().middle_rows(0, n);
                const auto before = own.before(run, t);
                detail::fill_rows(preactivations, std::span<const T>(bias));
                add_product(own.rows(run.inputs, first, n), input_panels,
                            preactivations.columns(n_preactivations - n_products, n_products));
                add_product(before.columns(0, size), recurrent_panels,
                            preactivations.columns(0, n_products));
                advance(cell, preactivations, before, weights.parameters,
                        own.rows(run.states, first, n));
            }
        });
}

/// Gradients by preactivations, in their place, and by what the layer reads.
template <class T>
void pull_back_states(TrainedCell cell, const LayerWeights<T>& weights, const Packing& packing,
                      const LayerRun<T>& run, const LayerGradients<T>& gradients) {
    const std::size_t size = weights.weight_hh.cols();
    const std::size_t n_products = weights.weight_hh.rows();
    const auto input_panels = Panels<T>::of(weights.weight_ih);
    const auto recurrent_panels = Panels<T>::of(weights.weight_hh);
    packing.for_each_share(
        packing.sequences(), detail::sequences_per_share,
        [&](std::size_t share, std::size_t n_shares) {
            const detail::SequenceShare own{packing, share, n_shares};
            for (std::size_t t = packing.steps(); t-- > 0;) {
                const std::size_t first = packing.first(t);
                const std::size_t n = own.count(packing.active(t));
                const auto preactivations = own.rows(run.preactivations, first, n);
                const auto of_state = own.rows(gradients.states, 0, n);
                if (gradients.outputs.rows() > 0) {
                    const auto of_output = own.rows(gradients.outputs, first, n);
                    for (std::size_t i = 0; i < n; ++i) {
                        std::ranges::transform(of_output.row(i), of_state.row(i),
                                               of_state.row(i).begin(), std::plus<>());
                    }
                }
                pull_back(cell, preactivations, own.before(run, t), weights.parameters, of_state);
                const MatrixView<const T> of_preactivations = preactivations;
                add_product(of_preactivations.columns(0, n_products), recurrent_panels,
                            of_state.columns(0, size));
                if (gradients.inputs.rows() > 0) {
                    const auto of_input = own.rows(gradients.inputs, first, n);
                    detail::set_zero(of_input);
                    add_product(of_preactivations.columns(of_preactivations.cols() - n_products,
                                                          n_products),
                                input_panels, of_input);
                }
            }
        });
}

/// Gradients by the weights, from those by preactivations.
template <class T>
void sum_weight_gradients(const Packing& packing, const LayerRun<T>& run,
                          const LayerGradients<T>& gradients) {
    const std::size_t size = gradients.weight_hh.cols();
    const std::size_t n_products = gradients.weight_hh.rows();
    const std::size_t first_drive = run.preactivations.cols() - n_products;
    packing.for_each_share(
        n_products, detail::gradient_rows_per_share, [&](std::size_t share, std::size_t n_shares) {
            const std::size_t low = n_products * share / n_shares;
            const std::size_t n = n_products * (share + 1) / n_shares - low;
            detail::PreactivationRows<T> preactivations(run.preactivations, first_drive, low, n);
            const auto by_weight_hh = gradients.weight_hh.middle_rows(low, n);
            const auto by_weight_ih = gradients.weight_ih.middle_rows(low, n);
            const auto by_bias_hh = gradients.bias_hh.subspan(low, n);
            const auto by_bias_ih = gradients.bias_ih.subspan(low, n);
            detail::set_zero(by_weight_hh);
            detail::set_zero(by_weight_ih);
            std::ranges::fill(by_bias_hh, T{0});
            std::ranges::fill(by_bias_ih, T{0});
            Panels<T> before;
            Panels<T> read;
            std::size_t t = 0;
            for (std::size_t row = 0; row < packing.rows(); row += detail::rows_per_sum) {
                const std::size_t depth = std::min(detail::rows_per_sum, packing.rows() - row);
                before.resize(depth, size);
                read.resize(depth, run.inputs.cols());
                for (std::size_t k = 0; k < depth; ++k) {
                    while (row + k >= packing.first(t + 1)) {
                        ++t;
                    }
                    const std::size_t sequence = row + k - packing.first(t);
                    before.lay_row(k, t == 0
                                          ? run.start.row(sequence).data()
                                          : run.states.row(packing.first(t - 1) + sequence).data());
                    read.lay_row(k, run.inputs.row(row + k).data());
                }
                preactivations.hold(row, depth);
                add_transposed_product(preactivations.products(), before, by_weight_hh);
                add_transposed_product(preactivations.drives(), read, by_weight_ih);
                preactivations.add_sums_of_products(by_bias_hh);
                preactivations.add_sums_of_drives(by_bias_ih);
            }
        });
}

}  // namespace nullcline::training
