// What a slot may wait for: products with fixed matrices, and steps by factors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

namespace nullcline {

/// What a slot waits for. W is here the weights without a gated block (see
/// numerics/gated_block.hpp), which has requests of its own.
enum class Request : std::uint8_t {
    none,                    ///< nothing: it has no start
    exact,                   ///< W h in the cell's precision
    exact_gated,             ///< W_0 m in the cell's precision
    exact_gated_transposed,  ///< W_0ᵀ u in the cell's precision
    exact_transposed,        ///< Wᵀ u in the cell's precision
    solve,                   ///< a step, by factors of a matrix
    forward,                 ///< W v in single precision
    forward_gated,           ///< W_0 m in single precision
    backward_gated,          ///< W_0ᵀ u in single precision
    backward,                ///< Wᵀ u in single precision
    precondition,            ///< a product with the shared (JᵀJ + μI)⁻¹, in single precision
};

/// The order of products in a round, in which most slots complete a cycle per round.
inline constexpr Request round_order[] = {Request::exact,
                                          Request::exact_gated,
                                          Request::exact_gated_transposed,
                                          Request::exact_transposed,
                                          Request::solve,
                                          Request::forward,
                                          Request::forward_gated,
                                          Request::backward_gated,
                                          Request::backward,
                                          Request::precondition};

inline constexpr std::size_t n_requests = 1 + std::size(round_order);

/// The request that this one is a half of, where there is a gated block.
[[nodiscard]] constexpr Request full_request(Request request) {
    switch (request) {
        case Request::exact_gated:
            return Request::exact;
        case Request::exact_gated_transposed:
            return Request::exact_transposed;
        case Request::forward_gated:
            return Request::forward;
        case Request::backward_gated:
            return Request::backward;
        default:
            return request;
    }
}

/// A set of requests, with the halves of each.
class RequestSet {
  public:
    template <class... Requests>
    constexpr explicit RequestSet(Requests... requests) {
        ((bits_ |= bit(requests)), ...);
    }
    [[nodiscard]] constexpr bool contains(Request request) const {
        return (bits_ & bit(full_request(request))) != 0;
    }

  private:
    static constexpr unsigned bit(Request request) { return 1U << static_cast<unsigned>(request); }

    unsigned bits_ = 0;
};

}  // namespace nullcline
