// Passes of a GPU's search that the CPU makes.
#include "nullcline/gpu/host_pass.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "nullcline/batching/starts.hpp"
#include "nullcline/cpu/tile_pass.hpp"
#include "nullcline/parallel/serial_group.hpp"
#include "nullcline/search/classifier.hpp"
#include "nullcline/solvers/gradient.hpp"
#include "nullcline/solvers/krylov_newton.hpp"
#include "nullcline/solvers/levenberg_marquardt.hpp"
#include "nullcline/solvers/newton.hpp"

namespace nullcline::gpu {
namespace {

/// The starts as slots use them (see batching/starts.hpp).
template <class T>
struct View {
    HostStarts<T>& starts;
    const Options& options;

    [[nodiscard]] std::size_t iterations_left(std::size_t place) const {
        return options.max_iterations - static_cast<std::size_t>(starts.iterations[place]);
    }
    [[nodiscard]] Termination termination(std::size_t place) const {
        return starts.terminations[place];
    }
    [[nodiscard]] std::span<T> state(std::size_t place) const { return row(starts.h, place); }

    void load(const SerialGroup& group, std::size_t place, std::span<T> unknowns,
              std::span<T> drive) const {
        copy(group, state(place), unknowns);
        copy(group, row(starts.drives, place), drive);
    }
    void finish(const SerialGroup& group, std::size_t place, std::span<T> unknowns,
                std::size_t n_iterations, Termination how) const {
        copy(group, unknowns, state(place).first(unknowns.size()));
        starts.iterations[place] += static_cast<std::int32_t>(n_iterations);
        starts.terminations[place] = how;
    }
    void label(const SerialGroup&, std::size_t place, const Label& found) const {
        starts.kinds[place] = found.kind;
        starts.reasons[place] = found.reason;
        starts.q[place] = found.q;
    }

  private:
    [[nodiscard]] std::span<T> row(std::vector<T>& rows, std::size_t place) const {
        const std::size_t width = rows.size() / starts.size();
        return std::span(rows).subspan(place * width, width);
    }
};

static_assert(Starts<View<double>, SerialGroup, double>);
static_assert(Starts<View<float>, SerialGroup, float>);

}  // namespace

template <Program P>
std::size_t run_on_host(const P& program, HostStarts<typename P::T>& starts, std::size_t n_threads,
                        const Poll& poll) {
    std::vector<std::size_t> places(starts.size());
    std::iota(places.begin(), places.end(), std::size_t{0});
    std::atomic<std::size_t> n_products = 0;
    const View<typename P::T> view{starts, starts.options};
    cpu::run_tiles(program, nullptr, view, starts.drives.size() / starts.size(), places, n_threads,
                   n_products, poll);
    return n_products;
}

#define FOR_PROGRAM(P, T)                                                                    \
    template std::size_t run_on_host(const P<CellEquation<T>>&, HostStarts<T>&, std::size_t, \
                                     const Poll&);
#define FOR_TYPE(T)                    \
    FOR_PROGRAM(KrylovNewton, T)       \
    FOR_PROGRAM(LevenbergMarquardt, T) \
    FOR_PROGRAM(Newton, T)             \
    FOR_PROGRAM(GradientDescent, T)    \
    FOR_PROGRAM(Classifier, T)

FOR_TYPE(double)
FOR_TYPE(float)

}  // namespace nullcline::gpu
