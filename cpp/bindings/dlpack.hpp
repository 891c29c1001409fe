// DLPack's structures, as its specification fixes them (dmlc/dlpack, version 0.8).
#pragma once

#include <cstdint>

namespace nullcline::dlpack {

inline constexpr std::int32_t cpu = 1;
inline constexpr std::int32_t cuda = 2;
inline constexpr std::int32_t cuda_managed = 13;
inline constexpr std::uint8_t floating_point = 2;
inline constexpr const char* fresh_name = "dltensor";
inline constexpr const char* used_name = "used_dltensor";

struct Device {
    std::int32_t type;
    std::int32_t number;
};

struct DataType {
    std::uint8_t code;
    std::uint8_t bits;
    std::uint16_t lanes;
};

struct Tensor {
    void* data;
    Device device;
    std::int32_t n_dimensions;
    DataType type;
    std::int64_t* shape;
    std::int64_t* strides;  ///< in elements; null where the tensor is contiguous
    std::uint64_t byte_offset;
};

struct ManagedTensor {
    Tensor tensor;
    void* owner;
    void (*deleter)(ManagedTensor*);
};

}  // namespace nullcline::dlpack
