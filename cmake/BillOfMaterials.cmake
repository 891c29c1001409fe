# The wheel's bill of materials, as PEP 770 places it: what its compiled modules are made of, in
# CycloneDX. It has neither a time nor a number drawn at random, so that a wheel built again is the same.

set(NULLCLINE_OF_CUDA "")
if(NULLCLINE_CUDA)
  set(NULLCLINE_OF_CUDA [[,
    {
      "type": "library",
      "bom-ref": "cudart_static",
      "name": "NVIDIA CUDA runtime",
      "licenses": [{"license": {"name": "NVIDIA CUDA Toolkit End User License Agreement"}}],
      "description": "Linked into nullcline/_native/_cuda."
    }]])
endif()

if(DEFINED SKBUILD_METADATA_DIR)
  configure_file(cmake/nullcline.cdx.json.in nullcline.cdx.json @ONLY)
  install(FILES "${CMAKE_CURRENT_BINARY_DIR}/nullcline.cdx.json"
          DESTINATION "${SKBUILD_METADATA_DIR}/sboms")
endif()
