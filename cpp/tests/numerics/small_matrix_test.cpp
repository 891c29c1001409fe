// Small matrices lie as the threads of a GPU read them best.
#include "nullcline/numerics/small_matrix.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>

#include "support/claims.hpp"

namespace nullcline {
namespace {

TEST("sixteen doubles of a row or of a column lie in banks of their own") {
    constexpr std::size_t n_banks = 16;  // of eight bytes: half a warp reads at a time
    const auto matrix = std::make_unique<SmallMatrix>();
    const auto bank = [&](std::size_t i, std::size_t j) {
        return reinterpret_cast<std::uintptr_t>(&(*matrix)(i, j)) / sizeof(double) % n_banks;
    };
    for (std::size_t first = 0; first + n_banks <= SmallMatrix::largest; first += n_banks) {
        std::set<std::uintptr_t> of_row;
        std::set<std::uintptr_t> of_column;
        for (std::size_t k = first; k < first + n_banks; ++k) {
            of_row.insert(bank(3, k));
            of_column.insert(bank(k, 3));
        }
        CHECK(of_row.size() == n_banks);
        CHECK(of_column.size() == n_banks);
    }
}

}  // namespace
}  // namespace nullcline
