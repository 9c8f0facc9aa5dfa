#!/usr/bin/env bash
# Mount targets: the addresses $TARGETS (blank-separated) are those of two file systems, whose files `name` read `one` and `two`; $EXPORT is
# the first one below the gateway. One kernel mounts all three at once, and takes none for another.
. "$(dirname "$0")/scenario.sh"
read -r first second <<<"$TARGETS"
for address in $TARGETS; do ip route add "$address" via "$SERVER"; done
target_options=vers=${VERSION:-4.1},hard,sec=sys,timeo=50

step 'each address has its own root'
mkdir a b
mount.nfs4 -o "$target_options" "$first:/" a
mount.nfs4 -o "$target_options" "$second:/" b
attach c
[ "$(cat a/name)" = one ]
[ "$(cat b/name)" = two ]
[ "$(cat c/name)" = one ]
[ "$(ls -A a)" = name ]
[ "$(ls -A b)" = name ]
cat /proc/fs/nfsfs/servers

step 'what is written at one is read at the other, and only there'
echo text >a/file
[ "$(cat c/file)" = text ]
[ ! -e b/file ]
[ "$(stat -c %i a/file)" = "$(stat -c %i c/file)" ]
echo more >>c/file
[ "$(cat a/file)" = "$(printf 'text\nmore')" ]

step 'a lock at the gateway is one at the target'
exec 7>c/locked
flock --exclusive --nonblock 7
refused flock --exclusive --nonblock a/locked true
refused flock --shared --nonblock a/locked true
flock --unlock 7
flock --exclusive --nonblock a/locked true
exec 7>&-
step 'and the other way round'
exec 6>a/locked 5>b/locked
flock --exclusive --nonblock 6
flock --exclusive --nonblock 5
refused flock --exclusive --nonblock c/locked true

strike
# At all three there is something under way meanwhile.
head -c 3000000 /dev/urandom >/tmp/targets
for place in a b c; do cp /tmp/targets "$place/from-$place"; done
struck
for place in a/from-c b/from-b c/from-a; do cmp /tmp/targets "$place"; done
step 'the locks are still held'
refused flock --exclusive --nonblock c/locked true
exec 6>&- 5>&-
flock --exclusive --nonblock c/locked true
umount a
umount b
umount c
