#!/usr/bin/env bash
# What test_arm64.sh runs in the Debian for ARM64: a wheel of /source, installed, and its tests.
set -euo pipefail
cd /source
test "$(uname -m)" = aarch64
rm -rf /build /tested
python3 -m venv /build
/build/bin/python -m pip install --quiet --upgrade pip
CXX=/usr/bin/aarch64-linux-gnu-g++ /build/bin/python -m pip wheel --quiet --no-deps --wheel-dir /wheels .
python3 -m venv /tested
/tested/bin/python -m pip install --quiet --upgrade pip
/tested/bin/python -m pip install --quiet --only-binary :all: --group wheel-tests /wheels/*.whl
/tested/bin/python -m pip list --format=freeze | grep -E '^(nullcline|numpy|scipy)='
/tested/bin/python -m pytest -p no:cacheprovider @packaging/wheel-tests.txt
