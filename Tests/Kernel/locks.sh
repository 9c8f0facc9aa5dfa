#!/usr/bin/env bash
# Locks between two mounts: the cases that fcntl(2) and flock(2) describe, then $LOCK_ROUNDS random ones against a plain model.
. "$(dirname "$0")/scenario.sh"
attach a
attach b nosharecache
head -c 1000 /dev/zero >a/locked
# The program strikes by itself: it makes this file where its middle is, and goes on.
[ "$KILL" = 0 ] || export STRIKE=$SHARED/kill
perl "$(dirname "$0")/locks.pl" a/locked b/locked "$LOCK_ROUNDS"
struck
umount b
umount a
