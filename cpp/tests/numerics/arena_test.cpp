// The pieces that an arena hands out: where they lie, and how much they take.
#include "nullcline/numerics/arena.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "nullcline/numerics/matrix_view.hpp"
#include "support/claims.hpp"
#include "support/random.hpp"

namespace nullcline {
namespace {

using tests::Random;

struct Piece {
    std::uintptr_t first, end;
};

template <class T>
Piece piece_of(MatrixView<T> matrix) {
    const auto first = reinterpret_cast<std::uintptr_t>(matrix.data());
    return {first, first + matrix.size() * sizeof(T)};
}

/// Matrices of some shapes and types, cut one behind the other.
std::vector<Piece> cut(Arena& arena, std::uint64_t seed) {
    Random random(seed);
    std::vector<Piece> pieces;
    for (int i = 0; i < 40; ++i) {
        const std::size_t rows = random.below(20);
        const std::size_t cols = random.below(20);
        switch (random.below(3)) {
            case 0:
                pieces.push_back(piece_of(arena.matrix<double>(rows, cols)));
                break;
            case 1:
                pieces.push_back(piece_of(arena.matrix<float>(rows, cols)));
                break;
            default:
                pieces.push_back(piece_of(arena.matrix<std::byte>(rows, cols)));
        }
    }
    return pieces;
}

TEST("an arena's pieces do not overlap, are aligned and lie within what it says it used") {
    Arena measuring;
    cut(measuring, 1);
    std::vector<std::byte> block(measuring.used() + 256);
    const auto start = (reinterpret_cast<std::uintptr_t>(block.data()) + 255) / 256 * 256;
    Arena arena(reinterpret_cast<std::byte*>(start));
    const std::vector<Piece> pieces = cut(arena, 1);
    std::uintptr_t end = start;
    for (const Piece& piece : pieces) {
        CHECK(piece.first % 256 == 0);
        CHECK(piece.first >= end);
        end = piece.end;
    }
    CHECK(end <= start + arena.used());
}

TEST("an arena without a block measures what one with a block uses, and hands out no memory") {
    Arena measuring;
    for (const Piece& piece : cut(measuring, 2)) {
        CHECK(piece.first == 0);
    }
    std::vector<std::byte> block(measuring.used());
    Arena arena(block.data());
    cut(arena, 2);
    CHECK(arena.used() == measuring.used());
    CHECK(arena.used() > 0);
}

TEST("an arena remembers where each piece begins and how long it is") {
    std::vector<std::byte> block(4096);
    Arena arena(block.data());
    const auto first = arena.matrix<double>(3, 5);
    const auto second = arena.matrix<float>(2, 7);
    CHECK(arena.pieces().size() == 2);
    CHECK(arena.pieces()[0].bytes == 3 * 5 * sizeof(double));
    CHECK(arena.pieces()[1].bytes == 2 * 7 * sizeof(float));
    CHECK(arena.base() + arena.pieces()[0].first == reinterpret_cast<std::byte*>(first.data()));
    CHECK(arena.base() + arena.pieces()[1].first == reinterpret_cast<std::byte*>(second.data()));
}

TEST("a view of some rows and columns is a window on the same memory") {
    Matrix<double> matrix(6, 7);
    for (std::size_t i = 0; i < matrix.elements().size(); ++i) {
        matrix.elements()[i] = static_cast<double>(i);
    }
    const MatrixView<double> window = matrix.view().middle_rows(2, 3).columns(4, 2);
    CHECK(window.rows() == 3 && window.cols() == 2 && window.stride() == 7);
    for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t j = 0; j < 2; ++j) {
            CHECK(&window(i, j) == &matrix.view()(2 + i, 4 + j));
            CHECK(&window.row(i)[j] == &matrix.row(2 + i)[4 + j]);
        }
    }
    window(1, 1) = -1;
    CHECK(std::as_const(matrix).view()(3, 5) == -1);
}

}  // namespace
}  // namespace nullcline
