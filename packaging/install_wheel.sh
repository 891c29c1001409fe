#!/bin/sh
# Install a wheel with all that the study needs into an environment of its own, and compile nothing:
# what the container and the clean Debian both do. pip's settings (PIP_EXTRA_INDEX_URL and the like) hold.
#
#   install_wheel.sh WHEEL ENVIRONMENT [CONSTRAINTS]
set -eu
wheel=$1
environment=$2
constraints=${3:-/dev/null}
python3 -m venv "$environment"
"$environment/bin/python" -m pip install --quiet --no-cache-dir --disable-pip-version-check \
    --only-binary :all: --constraint "$constraints" "${wheel}[study]"
