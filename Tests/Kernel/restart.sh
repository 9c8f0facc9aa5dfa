#!/usr/bin/env bash
# Writes on $EXPORT while its server is killed and started again by whoever watches $SIGNAL, a directory that both see.
set -eu
trap 'echo "line $LINENO was a surprise"' ERR
mkdir a b
options=vers=${VERSION:-4.1},port=$PORT,hard,sec=sys,timeo=20
mount.nfs4 -o "$options" "$SERVER:$EXPORT" a
mount.nfs4 -o "$options,nosharecache,actimeo=0" "$SERVER:$EXPORT" b

echo '== before'
exec 5<>a/held
echo one >&5
exec 6>a/locked
flock --exclusive --nonblock 6
head -c 20000000 /dev/urandom >/tmp/source
touch "$SIGNAL/before"

echo '== across'
for number in $(seq 1 20); do
    head -c 1000000 /tmp/source >"a/file-$number"
    [ "$number" != 5 ] || touch "$SIGNAL/now"
done
cp /tmp/source a/large
sync a/large
until [ -e "$SIGNAL/again" ]; do sleep 0.1; done

echo '== after'
for number in $(seq 1 20); do cmp -n 1000000 /tmp/source "b/file-$number"; done
cmp /tmp/source b/large
echo two >&5
exec 5>&-
[ "$(cat b/held)" = "$(printf 'one\ntwo')" ]
! flock --exclusive --nonblock b/locked true
exec 6>&-
flock --exclusive --nonblock b/locked true
umount b
umount a
echo '== done'
