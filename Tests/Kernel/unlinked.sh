#!/usr/bin/env bash
# Files that are removed while they are open: by their own client, which keeps them under another name, and by another mount.
. "$(dirname "$0")/scenario.sh"
attach a
attach b "$fresh"
mkdir a/unlinked
cd a/unlinked

step 'removed by its own client'
head -c 300000 /dev/urandom >/tmp/unlinked
exec 7<>open
cat /tmp/unlinked >&7
rm open
[ ! -e open ]
strike
# Bytes are on their way meanwhile.
cp /tmp/unlinked beside
sync beside
struck
cmp /tmp/unlinked beside
rm beside
echo 1 >/proc/sys/vm/drop_caches
# The name is gone everywhere, the bytes are there: also over a restart, since the client renamed what the server cannot promise to keep.
[ ! -e ../../b/unlinked/open ]
cmp /tmp/unlinked "/proc/$$/fd/7"
echo more >&7
[ "$(stat -L -c %s "/proc/$$/fd/7")" = 300005 ]
[ "$(tail -c 5 "/proc/$$/fd/7")" = more ]
exec 7>&-
[ "$(ls -A)" = '' ]

step 'removed by another mount, while the server lives'
head -c 300000 /tmp/unlinked >other
exec 7<>other
rm ../../b/unlinked/other
echo 1 >/proc/sys/vm/drop_caches
cmp -n 300000 /tmp/unlinked <(cat <&7)
exec 7>&-

step 'a directory with a file that was removed in it goes'
mkdir folder
exec 7>folder/file
rm folder/file
refused rmdir folder 2>/dev/null
exec 7>&-
rmdir folder
cd ../..
rmdir a/unlinked
umount b
umount a
