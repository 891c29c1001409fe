// What a slot may wait for: products with fixed matrices, and steps by factors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

namespace nullcline {

/// What a slot waits for. Of weights with a gated block (see numerics/gated_block.hpp), W is here
/// all but that block, which has requests of its own.
enum class Request : std::uint8_t {
    none,                    ///< nothing: it has no start
    exact,                   ///< W h in the cell's precision
    exact_gated,             ///< W_0 m likewise
    exact_gated_transposed,  ///< W_0ᵀ u likewise
    exact_transposed,        ///< Wᵀ u likewise
    solve,                   ///< a step, by factors of a matrix
    forward,                 ///< W v in single precision
    forward_gated,           ///< W_0 m likewise
    backward_gated,          ///< W_0ᵀ u likewise
    backward,                ///< Wᵀ u likewise
    precondition,            ///< a product with the preconditioner's inverse, likewise
};

/// In this order products are made, so that most slots come round once per round.
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

/// The request whose first or second half this is, where there is a gated block.
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
