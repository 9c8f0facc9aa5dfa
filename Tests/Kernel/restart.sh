#!/usr/bin/env bash
# Writes on the mount, with a file open and a lock held, while the server is killed and started again.
. "$(dirname "$0")/scenario.sh"
KILL=1
attach a
attach b nosharecache,actimeo=0
mkdir a/restart

step before
exec 5<>a/restart/held
echo one >&5
exec 6>a/restart/locked
flock --exclusive --nonblock 6
head -c 20000000 /dev/urandom >/tmp/source

step across
for number in $(seq 1 20); do
    head -c 1000000 /tmp/source >"a/restart/file-$number"
    [ "$number" != 5 ] || strike
done
cp /tmp/source a/restart/large
sync a/restart/large
struck

step after
for number in $(seq 1 20); do cmp -n 1000000 /tmp/source "b/restart/file-$number"; done
cmp /tmp/source b/restart/large
echo two >&5
exec 5>&-
[ "$(cat b/restart/held)" = "$(printf 'one\ntwo')" ]
refused flock --exclusive --nonblock b/restart/locked true
exec 6>&-
flock --exclusive --nonblock b/restart/locked true
umount b
umount a
