#!/bin/bash
# An empty Debian 12 is made, gets this tree and nothing else, and ./quickstart and ./quickstart check are run
# in it. Needs root, debootstrap and a Debian mirror ($MIRROR); some minutes. Run by make check-fresh.
set -euo pipefail
tree=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")

unable() {
  echo "fresh: $*" >&2
  exit 77
}

[ "$(id -u)" -eq 0 ] || unable "only root can make a Debian root"
command -v debootstrap >/dev/null || unable "debootstrap is missing: apt-get install debootstrap"

# In namespaces of its own: whatever is mounted or left running inside ends with this script.
if [ "${1-}" != --inside ]; then
  scratch=$(mktemp -d /var/tmp/procpool-fresh.XXXXXX)
  trap 'rm -rf --one-file-system "$scratch"' EXIT
  unshare --mount --pid --fork --kill-child=SIGKILL "$0" --inside "$scratch/root"
  exit
fi
root=$2

# The mirror this machine uses itself, if it says so in either of apt's formats.
mirror=${MIRROR-}
if [ -z "$mirror" ]; then
  mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null |
    grep -oE 'https?://[^ ]*/debian/?( |$)' | head -n 1 | tr -d ' ') || true
fi
mirror=${mirror:-http://deb.debian.org/debian}

echo "== debootstrap --variant=minbase bookworm, from $mirror"
mkdir -p "$root"
debootstrap --variant=minbase bookworm "$root" "$mirror" >"$root.log" 2>&1 || { tail -n 20 "$root.log"; exit 1; }

# How to reach the mirror, and Python's package index, belongs to the machine, not to procpool.
apt-config dump | grep -E '^Acquire::https?::' >"$root/etc/apt/apt.conf.d/90fresh" || true
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
if [ -e /etc/pip.conf ]; then
  cp -L /etc/pip.conf "$root/etc/"
fi
mkdir -p "$root/usr/local/share/ca-certificates"
cp -RL /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/" 2>/dev/null || true

# What git knows or would know of the tree, as it is now: no builds, no leftovers.
mkdir -p "$root/src/procpool"
(cd "$tree" && git ls-files -z --cached --others --exclude-standard | xargs -0 ls -d 2>/dev/null |
  tar --create --files-from=-) | tar --extract --directory="$root/src/procpool"

mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"

inside() {
  env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C CI=true \
    chroot "$root" "$@" </dev/null 2>&1
}

echo "== ./quickstart"
inside /src/procpool/quickstart | tee "$root.quickstart"
grep -q '1 4 9 16 25' "$root.quickstart" || { echo "it did not print 1 4 9 16 25" >&2; exit 1; }

echo "== ./quickstart check"
inside /src/procpool/quickstart check | tee "$root.check"
tail -n 1 "$root.check" | grep -Eq '^[1-9][0-9]* passed, 0 failed(, [0-9]+ skipped)?$'
