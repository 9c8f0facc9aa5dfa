#!/usr/bin/env bash
# Two processes on two mounts rename over one name $RENAMES times each while a third reads it and lists: it is there in every listing,
# once, and whole.
. "$(dirname "$0")/scenario.sh"
attach a
attach b nosharecache
attach c "$fresh"
mkdir a/renames
[ "$KILL" = 0 ] || export STRIKE=$SHARED/kill
perl "$(dirname "$0")/renames.pl" a/renames b/renames c/renames "$RENAMES"
struck
[ "$(ls -A a/renames)" = target ]
umount c
umount b
umount a
