#!/usr/bin/env bash
# Unpacks $SHARED/tree.tar onto the mount, and packs it up again over a fresh one; the host compares what came back.
. "$(dirname "$0")/scenario.sh"
attach a

step 'tar onto the mount'
mkdir a/tree
strike_when '[ "$(ls a/tree | wc -l)" -gt 4 ]' &
killer=$!
tar -C a/tree -xpf "$SHARED/tree.tar"
wait "$killer"
struck
umount a

step 'and back'
attach a
tar -C a/tree --format=posix -cf "$SHARED/back.tar" .
umount a
