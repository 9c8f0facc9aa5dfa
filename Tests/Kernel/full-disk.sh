#!/usr/bin/env bash
# A server whose disk fills up. The client gets ENOSPC, loses nothing that was acknowledged, and goes on once there is room.
. "$(dirname "$0")/scenario.sh"
attach a
head -c 1000000 /dev/urandom >/tmp/unit

step 'until it is full'
full_at=0
for ((number = 1; number <= 400; number++)); do
    [ "$number" != 10 ] || strike kill-small
    # fsync's word is what counts: a close may come before the server has seen a byte.
    if ! dd if=/tmp/unit of="a/file-$number" bs=1000000 conv=fsync status=none 2>/tmp/refusal; then
        full_at=$number
        break
    fi
done
cat /tmp/refusal
[ "$full_at" -gt 5 ]
grep -q 'No space left on device' /tmp/refusal
struck kill-small

step 'what was acknowledged is there, over a fresh mount'
umount a
attach a
for ((number = 1; number < full_at; number++)); do cmp /tmp/unit "a/file-$number"; done
refused dd if=/tmp/unit of=a/refused bs=1000000 conv=fsync status=none 2>/tmp/refusal
grep -q 'No space left on device' /tmp/refusal

step 'removing goes on, and makes room'
for ((number = 1; number <= full_at / 2; number++)); do rm "a/file-$number"; done
# The server gives space back in its rounds, every ten seconds: one drops the past, the next empties what it held.
until dd if=/tmp/unit of=a/again bs=1000000 conv=fsync status=none 2>/tmp/refusal; do
    grep -q 'No space left on device' /tmp/refusal
    pause 0.2
done
cmp /tmp/unit a/again
for ((number = full_at / 2 + 1; number < full_at; number++)); do cmp /tmp/unit "a/file-$number"; done
umount a
