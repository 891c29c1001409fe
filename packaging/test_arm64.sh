#!/usr/bin/env bash
# Build a wheel for ARM64, and run on an emulated processor the tests that need no framework: in a Debian of
# that kind, whose packages and whose Python are the real ones.
#
#   test_arm64.sh FOLDER
#
# This machine's cross compiler is shown inside: an emulated one would take an hour. Needs root, the network,
# and Debian's debootstrap, g++-aarch64-linux-gnu and qemu-user-static. What may be set is as for clean_debian.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ $# != 1 ]; then
    echo 'test_arm64.sh: name a folder: test_arm64.sh FOLDER' >&2
    exit 2
fi
folder=$(mkdir -p "$1" && realpath "$1")
root=$folder/root
SUITE=${SUITE:-bookworm}

for tool in debootstrap aarch64-linux-gnu-g++ qemu-aarch64-static; do
    if [ "$(id -u)" != 0 ] || ! command -v "$tool" >/dev/null; then
        echo "test_arm64.sh: run it as root, with $tool installed" >&2
        exit 2
    fi
done

# The kernel is told who runs programs for ARM64; `F` has it open the emulator now, for inside as well.
if [ ! -e /proc/sys/fs/binfmt_misc/register ]; then mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc; fi
if [ ! -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ]; then
    printf '%s' ':qemu-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/usr/bin/qemu-aarch64-static:F' \
        >/proc/sys/fs/binfmt_misc/register
fi

if [ ! -e "$folder/$SUITE.stamp" ]; then
    rm -rf "${root:?}"
    debootstrap --arch=arm64 --variant=minbase --include=python3-dev,python3-venv,ca-certificates,libgomp1 \
        "$SUITE" "$root" ${MIRROR:+"$MIRROR"} >"$folder/debootstrap.log"
    touch "$folder/$SUITE.stamp"
fi
rm -rf "$root/source" "$root/wheels"
mkdir "$root/source" "$root/wheels"
git archive HEAD | tar -x -C "$root/source"
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp packaging/aarch64_inside.sh "$root/inside.sh"
for tool in /usr/bin/aarch64-linux-gnu-*; do cp --dereference "$tool" "$root/usr/bin/"; done

settings=(PATH=/usr/bin:/bin LANG=C.UTF-8 SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)")
while IFS= read -r setting; do settings+=("$setting"); done < <(env | grep -E '^(PIP_|SSL_CERT_|https?_proxy=)' || true)

# Mounts are in a namespace of this run alone, and gone with it.
# shellcheck disable=SC2016  # it is the inner shell that expands
BIND="${BIND:-} /lib64 /usr/lib/x86_64-linux-gnu /usr/lib/gcc-cross /usr/aarch64-linux-gnu" unshare --mount bash -c '
set -euo pipefail
root=$1
shift
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
for path in $BIND; do
    if [ -d "$path" ]; then mkdir -p "$root$path"; else mkdir -p "$(dirname "$root$path")" && touch "$root$path"; fi
    mount --bind "$path" "$root$path"
done
exec chroot "$root" "$@"
' - "$root" env --ignore-environment "${settings[@]}" bash /inside.sh
