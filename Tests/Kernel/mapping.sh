#!/usr/bin/env bash
# $SHARED/mapping, a small C program, writes by mmap and says in a file of the host's what it wrote; the host compares it with what varve shows.
. "$(dirname "$0")/scenario.sh"
attach a
step 'two shared mappings, msync'
[ "$KILL" = 0 ] || export STRIKE=$SHARED/kill
"$SHARED/mapping" a/mapped "$SHARED/mapped.expected" "$MAPPED_ROUNDS"
struck
umount a
attach a
cmp a/mapped "$SHARED/mapped.expected"
umount a
