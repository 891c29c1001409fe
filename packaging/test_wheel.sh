#!/usr/bin/env bash
# Install the wheel of a Python out of a folder into an environment of its own, compiling nothing, and
# run the tests that need no framework.
#
#   test_wheel.sh PYTHON FOLDER ENVIRONMENT [CONSTRAINTS [EXTRAS]]
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1
environment=$3
constraints=${4:-/dev/null}
extras=${5:-}

tag=$("$python" -c 'import sys; print("cp{}{}".format(*sys.version_info[:2]))')
wheel=$(find "$2" -name "nullcline-*-$tag-$tag-*.whl" -print -quit)
if [ -z "$wheel" ]; then
    echo "test_wheel.sh: no wheel of $tag in $2: make wheel PYTHON=$python" >&2
    exit 1
fi
rm -rf "$environment"
"$python" -m venv "$environment"
"$environment/bin/python" -m pip install --quiet --upgrade pip
CC=/bin/false CXX=/bin/false "$environment/bin/python" -m pip install --quiet --only-binary :all: \
    --constraint "$constraints" --group wheel-tests "$wheel$extras"
"$environment/bin/python" -m pip list --format=freeze | grep -E '^(nullcline|numpy|scipy|threadpoolctl)='
"$environment/bin/python" -m pytest -p no:cacheprovider @packaging/wheel-tests.txt
