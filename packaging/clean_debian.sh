#!/usr/bin/env bash
# Install a wheel on a Debian that has Python and nothing else, as a user without rights, and reproduce
# the study there. What comes of it is in FOLDER/study, and FOLDER/packages.txt tells what was installed.
#
#   clean_debian.sh WHEEL FOLDER [COMMAND ...]     # nullcline reproduce, unless COMMAND says otherwise
#
# Needs root, debootstrap and the network. What may be set:
#   SUITE, MIRROR   the release of Debian (bookworm), and where its packages are, if not where debootstrap looks
#   BIND            folders of this machine to show inside, read-only: certificates, or a local index
#   PIP_*           pip's settings, which hold inside too, such as PIP_EXTRA_INDEX_URL
set -euo pipefail
if [ $# -lt 2 ] || [ ! -f "$1" ]; then
    echo 'clean_debian.sh: name a wheel and a folder: clean_debian.sh WHEEL FOLDER [COMMAND ...]' >&2
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
wheel=$(realpath "$1")
folder=$(mkdir -p "$2" && realpath "$2")
shift 2
if [ $# = 0 ]; then set -- nullcline reproduce --out /study; fi
SUITE=${SUITE:-bookworm}

if [ "$(id -u)" != 0 ] || ! command -v debootstrap >/dev/null; then
    echo 'clean_debian.sh: run it as root, with debootstrap installed' >&2
    exit 2
fi

# The release is unpacked once; each run has a copy.
if [ ! -e "$folder/$SUITE.stamp" ]; then
    rm -rf "${folder:?}/$SUITE"
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates \
        "$SUITE" "$folder/$SUITE" ${MIRROR:+"$MIRROR"} >"$folder/debootstrap.log"
    touch "$folder/$SUITE.stamp"
fi
rm -rf "${folder:?}/root" "${folder:?}/study"
cp -a "$folder/$SUITE" "$folder/root"
mkdir "$folder/root/study" "$folder/root/given"
cp "$wheel" "$here/install_wheel.sh" "$here/../constraints.txt" "$folder/root/given/"
cp /etc/resolv.conf "$folder/root/etc/resolv.conf"
chroot "$folder/root" useradd --create-home visitor
chroot "$folder/root" chown visitor /study

settings=(HOME=/home/visitor PATH=/home/visitor/nullcline/bin:/usr/bin:/bin LANG=C.UTF-8 MPLBACKEND=agg)
while IFS= read -r setting; do settings+=("$setting"); done < <(env | grep -E '^(PIP_|SSL_CERT_|https?_proxy=)' || true)

# Mounts are in a namespace of this run alone, and gone with it.
inside=$(
    cat <<'INSIDE'
set -euo pipefail
root=$1
shift
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
for path in ${BIND:-}; do
    mkdir -p "$root$path"
    mount --bind "$path" "$root$path"
    mount -o remount,ro,bind "$root$path"
done
exec chroot --userspec=visitor:visitor "$root" "$@"
INSIDE
)
as_visitor() {
    BIND=${BIND:-} unshare --mount bash -c "$inside" - "$folder/root" env --ignore-environment --chdir=/study \
        "${settings[@]}" "$@"
}

# shellcheck disable=SC2016  # it is the inner shell that expands
as_visitor sh -c 'for tool in cc c++ gcc g++ clang cmake make; do
    if command -v "$tool"; then echo "clean_debian.sh: there is a compiler" >&2; exit 1; fi
done; test "$(id -u)" != 0'
as_visitor sh /given/install_wheel.sh "/given/$(basename "$wheel")" /home/visitor/nullcline /given/constraints.txt
as_visitor nullcline --version
as_visitor python -m pip freeze >"$folder/packages.txt"
as_visitor "$@"
mv "$folder/root/study" "$folder/study"
rm -rf "${folder:?}/root"
