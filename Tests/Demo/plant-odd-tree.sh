#!/usr/bin/env bash
# plant-odd-tree.sh DIR: makes a tree of what file systems get wrong.
set -euo pipefail
export LC_ALL=C
mkdir -p "$1"
cd "$1"

# Hard links, within and across directories.
mkdir links links/below
echo 'one file, three names' >links/first
ln links/first links/second
ln links/first links/below/third
ln -s ../links/first links/symlink
ln -s /nowhere/at/all links/dangling
ln -s "$(printf 'x%.0s' {1..1000})" links/long-target

# Extended attributes: empty, binary, large, many.
mkdir xattrs
echo 'attributes' >xattrs/file
setfattr -n user.empty xattrs/file
setfattr -n user.binary -v 0x00ff00fe0a0d xattrs/file
setfattr -n user.large -v "0x$(printf 'ab%.0s' {1..1500})" xattrs/file
for number in {1..20}; do setfattr -n "user.number-$number" -v "value $number" xattrs/file; done
setfattr -n user.directory -v 'on a directory' xattrs
setfacl -m u:12345:rw-,g:54321:r-- xattrs/file 2>/dev/null || true

# Holes: at the beginning, in the middle, at the end; a file that is one hole; data past 4 MiB.
mkdir holes
truncate -s 64M holes/nothing
dd if=/dev/urandom of=holes/islands bs=64k count=1 seek=3 conv=notrunc status=none
dd if=/dev/urandom of=holes/islands bs=64k count=2 seek=200 conv=notrunc status=none
truncate -s 40M holes/islands
dd if=/dev/urandom of=holes/end bs=4k count=1 seek=4096 conv=notrunc status=none
dd if=/dev/urandom of=holes/large bs=1M count=20 status=none

# Names: not UTF-8, of 255 bytes, with spaces, newlines, percent signs, a leading dash.
mkdir names
printf 'latin-1\n' >"names/$(printf 'caf\xe9')"
printf 'bytes\n' >"names/$(printf '\xff\xfe\x80\x01')"
printf 'long\n' >"names/$(printf 'n%.0s' {1..255})"
printf 'newline\n' >"names/$(printf 'two\nlines')"
printf 'percent\n' >'names/100%2F%zz'
printf 'space\n' >'names/ leading and trailing '
printf 'dash\n' >names/-rf
printf 'back\\slash\n' >'names/back\slash'
mkdir -p "names/deep/$(printf 'd/%.0s' {1..40})"
printf 'deep\n' >"names/deep/$(printf 'd/%.0s' {1..40})file"

# Kinds and modes.
mkdir kinds
mkfifo -m 640 kinds/fifo
printf '#!/bin/sh\n' >kinds/setuid
printf '#!/bin/sh\n' >kinds/setgid
mkdir -m 1777 kinds/sticky
mkdir kinds/unreadable
: >kinds/empty
if [ "$(id -u)" = 0 ]; then
    # Two owners; special files; what only root sees of attributes.
    mkdir owners
    echo one >owners/one && chown 1001:1001 owners/one
    echo two >owners/two && chown 1002:2002 owners/two
    ln -s one owners/symlink && chown -h 1003:1003 owners/symlink
    chown 1001:2002 owners
    mknod kinds/null c 1 3
    mknod kinds/loop b 7 0
    setfattr -n trusted.only-root -v 'root sees this' xattrs/file
fi
chmod 4755 kinds/setuid
chmod 2755 kinds/setgid
[ "$(id -u)" != 0 ] || chmod 000 kinds/unreadable # Only root copies what nobody may read.

# Times to the nanosecond, before 1970, after 2038.
mkdir times
echo new >times/nanosecond && touch -d '2026-01-02 03:04:05.123456789 UTC' times/nanosecond
echo old >times/before-1970 && touch -d '1965-06-07 08:09:10.5 UTC' times/before-1970
echo far >times/after-2038 && touch -d '2099-12-31 23:59:59.999999999 UTC' times/after-2038
touch -h -d '2001-02-03 04:05:06.7 UTC' links/symlink
touch -d '2002-03-04 05:06:07.8 UTC' times kinds names holes xattrs links
