#!/bin/bash
# Debian's packages: made out of the tarball, without errors for lintian, procpool without a package of ours beside it; and
# a client and a plugin that are built with the files of libprocpool-dev run with the programs of the others. Nothing is installed.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
command -v lintian >/dev/null || { echo "lintian is missing"; exit 77; }

echo '$ make deb'
make_packages
version=$(sed -n 's/^VERSION = //p' "$show_build/Makefile")
architecture=$(dpkg --print-architecture)
for name in procpool libprocpool0 libprocpool-dev; do
  deb=$show_packages/${name}_${version}_$architecture.deb
  [ -e "$deb" ] || fail "there is no $deb" "$(ls "$show_packages")"
  echo "  $(basename "$deb"): $(dpkg-deb --field "$deb" Installed-Size) KiB, $(dpkg-deb --contents "$deb" | grep -vc '/$') files"
  echo "    depends on $(dpkg-deb --field "$deb" Depends)"
  dpkg-deb --extract "$deb" "$show_scratch/root"
done
deb=$show_packages/procpool_${version}_$architecture.deb
if dpkg-deb --field "$deb" Depends Pre-Depends Recommends | grep -q procpool; then
  fail "procpool needs another package of ours"
fi

echo '$ lintian'
lintian --allow-root --tag-display-limit 0 --fail-on error,warning "$show_packages"/*.deb >"$show_scratch/lintian" 2>&1 ||
  fail "lintian has something to say" "$(cat "$show_scratch/lintian")"
expect 'errors and warnings' 0 "$(grep -c '^[EW]:' "$show_scratch/lintian" || true)"

echo '$ dpkg-deb --contents procpool_*.deb'
dpkg-deb --contents "$deb" | awk '$6 !~ /\/$|share\/doc/ { print "  " $1, substr($6, 2) }'
# What the others install lands in it by a pattern, and is not forgotten where the build installs more.
for file in usr/bin/procpool usr/sbin/procpoold usr/libexec/procpool/procpool-worker usr/libexec/procpool/procpool-launch \
  etc/procpool/procpool.conf usr/share/man/man1/procpool.1.gz usr/lib/sysusers.d/procpool.conf \
  usr/share/bash-completion/completions/procpool usr/share/zsh/vendor-completions/_procpool usr/share/fish/vendor_completions.d/procpool.fish; do
  [ -e "$show_scratch/root/$file" ] || fail "$file is in no package"
done
expect 'files of the configuration' /etc/procpool/procpool.conf "$(dpkg-deb --info "$deb" conffiles)"
expect 'the changelog has the version' "$version" "$(sed -nE '1s/.*\((.*)\).*/\1/p' "$show_top/debian/changelog")"

echo 'Hardened (readelf):'
for file in usr/sbin/procpoold usr/bin/procpool usr/libexec/procpool/procpool-worker; do
  readelf --wide --headers --dynamic "$show_scratch/root/$file" >"$show_scratch/elf"
  grep -q 'Type: *DYN' "$show_scratch/elf" && grep -q GNU_RELRO "$show_scratch/elf" && grep -q BIND_NOW "$show_scratch/elf" ||
    fail "$file is not position-independent with read-only relocations"
  echo "  $file: PIE, RELRO, BIND_NOW"
done
if readelf --dynamic "$show_scratch/root/usr/bin/procpool" "$show_scratch/root/usr/sbin/procpoold" | grep -q 'NEEDED.*libprocpool'; then
  fail "a program needs a shared library of ours"
fi

echo 'A client and a plugin, built with libprocpool-dev:'
root=$show_scratch/root
libraries=$root/usr/lib/$(dpkg-architecture --query DEB_HOST_MULTIARCH)
# Nothing of ours is installed on this machine: what is found is found below the prefix.
export PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
export PKG_CONFIG_LIBDIR=$libraries/pkgconfig:/usr/lib/$(basename "$libraries")/pkgconfig:/usr/share/pkgconfig
# shellcheck disable=SC2046
gcc -shared -fPIC "$show_top/examples/plugin.c" $(pkg-config --cflags --libs procpool-worker) -o "$show_scratch/plugin.so"
# shellcheck disable=SC2046
gcc "$show_top/examples/client.c" $(pkg-config --cflags --libs procpool) -o "$show_scratch/client"
readelf --dynamic "$show_scratch/plugin.so" "$show_scratch/client" | grep -oE 'Shared library: \[libprocpool.*' | sed 's/^/  /'
env LD_LIBRARY_PATH="$libraries" "$root/usr/libexec/procpool/procpool-worker" --load "$show_scratch/plugin.so" --list | sed 's/^/  /'

# The daemon finds its launcher where it is installed, or beside itself.
mkdir "$show_scratch/beside"
cp "$root/usr/sbin/procpoold" "$root/usr/libexec/procpool/procpool-launch" "$show_scratch/beside"
socket=$show_scratch/socket
"$show_scratch/beside/procpoold" --socket "$socket" --set default.workers=2 \
  --set "default.command={\"$root/usr/libexec/procpool/procpool-worker\",\"--load\",\"$show_scratch/plugin.so\"}" \
  --set "default.environment={\"LD_LIBRARY_PATH=$libraries\"}" >"$show_scratch/daemon.log" 2>&1 </dev/null &
daemon_pid=$!
export PROCPOOL_SOCKET=$socket
until_true 20 "the daemon answers" answers
expect 'procpool map square 1 2 3' '1 4 9' "$("$root/usr/bin/procpool" map square 1 2 3 | paste -sd' ')"
expect 'procpool map --strings shout hello' '"HELLO"' "$("$root/usr/bin/procpool" map --strings shout hello)"
expect 'client square 12' '0: 144 1 of 1 succeeded' "$(LD_LIBRARY_PATH=$libraries "$show_scratch/client" square 12 | paste -sd' ')"
stop_daemon
