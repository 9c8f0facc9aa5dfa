#!/usr/bin/env bash
# Mounts $EXPORT over NFSv4.0 and NFSv4.1 at once: what one does, the other sees; what one locks, the other does not get.
. "$(dirname "$0")/scenario.sh"
options=port=$PORT,hard,sec=sys,$fresh
mkdir old new
mount.nfs4 -o "vers=4.0,$options" "$SERVER:$EXPORT" old
mount.nfs4 -o "vers=4.1,$options" "$SERVER:$EXPORT" new
grep 'vers=4.0' /proc/mounts
grep 'vers=4.1' /proc/mounts

step 'bytes'
head -c 3000000 /dev/urandom >/tmp/source
exec 4<>new/open
strike
cp /tmp/source old/file
struck
echo kept >&4
exec 4>&-
[ "$(cat old/open)" = kept ]
cmp /tmp/source new/file
echo more >>new/file
cmp -n 3000000 /tmp/source old/file
[ "$(tail -c 5 old/file)" = more ]

step 'names'
mkdir old/dir
mv new/file new/dir/moved
[ -e old/dir/moved ]
[ ! -e old/file ]
ln new/dir/moved new/hard
[ "$(stat -c %h old/hard)" = 2 ]

step 'an exclusive creation leaves no strange times'
(set -o noclobber && echo one >old/lock)
refused eval '(set -o noclobber && echo two >new/lock)' 2>/dev/null
now=$(date +%s)
for kind in X Y; do
    age=$((now - $(stat -c %$kind old/lock)))
    [ "$age" -ge -3600 ]
    [ "$age" -le 3600 ]
done

step 'locks'
exec 6>old/locked
flock --exclusive --nonblock 6
refused flock --exclusive --nonblock new/locked true
refused flock --shared --nonblock new/locked true
exec 6>&-
flock --exclusive --nonblock new/locked true
exec 7>new/locked
flock --exclusive --nonblock 7
refused flock --exclusive --nonblock old/locked true
exec 7>&-
flock --exclusive --nonblock old/locked true

step 'an open file without a name'
exec 5<>old/unlinked
echo kept >&5
rm old/unlinked
[ ! -e new/unlinked ]
exec 5>&-
umount old
umount new
