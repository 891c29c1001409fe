// BLAS and LAPACK out of SciPy's capsules, each checked against the signature that we call.
#include "blas_capsules.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include "nullcline/numerics/blas.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/parallel/workers.hpp"

namespace py = pybind11;

namespace nullcline::bindings {
namespace {

std::atomic<bool> ready{false};

/// A C parameter list as one letter per parameter: c char *, i int *, and the precision's own,
/// which Cython names after its typedef, `__pyx_t_..._d *`.
std::string parameters(std::string_view signature, char precision) {
    constexpr std::string_view opening = "void (";
    if (!signature.starts_with(opening) || !signature.ends_with(')')) {
        return {};
    }
    signature.remove_prefix(opening.size());
    signature.remove_suffix(1);
    const std::string real = precision == 'd' ? "double" : "float";
    const std::string typedef_end = std::string("_") + precision;
    std::string letters;
    while (!signature.empty()) {
        const std::size_t comma = std::min(signature.find(','), signature.size());
        std::string_view type = signature.substr(0, comma);
        signature.remove_prefix(std::min(comma + 2, signature.size()));
        if (!type.ends_with(" *")) {
            return {};
        }
        type.remove_suffix(2);
        if (type == "char") {
            letters += 'c';
        } else if (type == "int") {
            letters += 'i';
        } else if (type == real || type.ends_with(typedef_end)) {
            letters += 'r';
        } else {
            return {};
        }
    }
    return letters;
}

void* routine(const py::dict& capsules, char precision, const std::string& name,
              const std::string& wanted) {
    const std::string full_name = precision + name;
    if (!capsules.contains(full_name.c_str())) {
        throw py::value_error("no capsule for " + full_name);
    }
    const py::object item = capsules[full_name.c_str()];
    if (PyCapsule_CheckExact(item.ptr()) == 0) {
        throw py::type_error(full_name + " is not a capsule");
    }
    const char* signature = PyCapsule_GetName(item.ptr());
    if (signature == nullptr || parameters(signature, precision) != wanted) {
        throw py::value_error("SciPy's " + full_name + " has the signature '" +
                              std::string(signature == nullptr ? "" : signature) +
                              "', which is not the one this build of nullcline calls, with "
                              "integers of 32 bits: install a SciPy whose BLAS has the LP64 "
                              "interface, as its wheels and those of distributions have");
    }
    return PyCapsule_GetPointer(item.ptr(), signature);
}

template <class T>
blas::Routines<T> read(const py::dict& capsules) {
    const char precision = std::is_same_v<T, double> ? 'd' : 's';
    blas::Routines<T> table;
    const auto take = [&]<class F>(F*& target, const char* name, const char* wanted) {
        target = reinterpret_cast<F*>(routine(capsules, precision, name, wanted));
    };
    take(table.gemm, "gemm", "cciiirririrri");
    take(table.gemv, "gemv", "ciirririrri");
    take(table.syrk, "syrk", "cciirrirri");
    take(table.getrf, "getrf", "iiriii");
    take(table.getrs, "getrs", "ciiriirii");
    take(table.potrf, "potrf", "cirii");
    take(table.potrs, "potrs", "ciiririi");
    take(table.syevd, "syevd", "ccirirriiii");
    return table;
}

/// Have BLAS make its first buffer, and keep it: without one no product is possible, and OpenBLAS
/// looks for ever where there is no room for it.
void make_buffer() {
    if (!room_for(std::size_t{64} << 20U)) {
        throw std::bad_alloc();
    }
    constexpr std::size_t size = 128;  // smaller ones are multiplied without a buffer
    const Matrix<double> zeros(size, size);
    Matrix<double> product(size, size);
    blas::multiply<double>(zeros.view(), zeros.view(), product.view());
}

}  // namespace

void take_capsules(const py::dict& capsules) {
    const auto doubles = read<double>(capsules);
    const auto floats = read<float>(capsules);
    if (ready) {
        return;  // threads without the GIL may be computing with the routines
    }
    blas::routines<double>() = doubles;
    blas::routines<float>() = floats;
    make_buffer();
    ready = true;
}

bool blas_ready() { return ready; }

void require_blas() {
    if (!ready) {
        throw std::runtime_error(
            "BLAS is not loaded: call nullcline._native._core.blas_init first");
    }
}

}  // namespace nullcline::bindings
