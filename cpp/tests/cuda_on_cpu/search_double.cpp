// The CUDA source as a compiler of plain C++ sees it.
#include "search_double.cu"
