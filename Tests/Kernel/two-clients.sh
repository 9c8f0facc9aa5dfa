#!/usr/bin/env bash
# Two clients: this kernel's, and another in a network namespace with a name and an address of its own ($PEER). Close-to-open, locks;
# where $LEASE is 1, the other one dies with a lock, and its lease ends.
. "$(dirname "$0")/scenario.sh"
attach a

step 'another client'
mkdir b
mkfifo /tmp/orders
# A shell in namespaces of its own that does what it reads: its mounts and its connection are another client's.
setsid unshare --net --uts --mount --propagation slave bash -c '
    exec </tmp/orders
    while read -r line; do eval "$line" >/tmp/answer.new 2>&1; echo $? >/tmp/status.new; mv /tmp/answer.new /tmp/answer; mv /tmp/status.new /tmp/status; done' &
other=$!
exec 8>/tmp/orders
# other COMMAND: runs it there; answers its output and its status.
other() {
    rm -f /tmp/status
    echo "$*" >&8
    until [ -e /tmp/status ]; do pause 0.05; done
    cat /tmp/answer
    return "$(cat /tmp/status)"
}
ip link add peer0 link vec0 type macvlan mode bridge
# The shell is in its namespace once it has answered.
other true
ip link set peer0 netns "$other"
other 'echo other-client >/proc/sys/kernel/hostname'
other "ip link set lo up; ip addr add $PEER/29 dev peer0; ip link set peer0 up"
other "cd $PWD; mount.nfs4 -o $options,nosharecache $SERVER:$EXPORT b"
other 'grep -q " nfs4 " /proc/mounts'
# Nothing of it is seen here.
[ "$(ls -A b | wc -l)" = 0 ]

step 'close-to-open'
for ((round = 1; round <= 10; round++)); do
    echo "round $round" >a/shared
    [ "$(other cat b/shared)" = "round $round" ]
    other "echo answer $round >>b/shared"
    [ "$(cat a/shared)" = "$(printf 'round %d\nanswer %d' "$round" "$round")" ]
done
head -c 3000000 /dev/urandom >/tmp/two-clients
cp /tmp/two-clients a/large
other cmp /tmp/two-clients b/large
other truncate -s 1000 b/large
# An open asks the server (close-to-open), a stat alone may answer from what is remembered.
exec 7<a/large
[ "$(stat -L -c %s "/proc/$$/fd/7")" = 1000 ]
exec 7<&-

step 'locks'
exec 7>a/locked
flock --exclusive --nonblock 7
refused other flock --exclusive --nonblock b/locked true
refused other flock --shared --nonblock b/locked true
flock --unlock 7
other flock --exclusive --nonblock b/locked true
exec 7>&-
other 'exec 6>b/locked; flock --exclusive --nonblock 6'
refused flock --exclusive --nonblock a/locked true

strike
# Both write meanwhile.
cp /tmp/two-clients a/mine
other cp /tmp/two-clients b/theirs
struck
cmp /tmp/two-clients a/theirs
other cmp /tmp/two-clients b/mine
step 'the lock is still held'
refused flock --exclusive --nonblock a/locked true
if [ "$LEASE" = 1 ]; then
    step 'the other client dies with its lock: its lease ends'
    other ip link set peer0 down
    begun=$SECONDS
    refused flock --exclusive --nonblock a/locked true
    until flock --exclusive --nonblock a/locked true; do
        [ $((SECONDS - begun)) -lt 120 ]
        pause 1
    done
    echo "it took $((SECONDS - begun)) s"
    # A lease is 30 s, and a client renews its own when two thirds of it are over, at the latest.
    [ $((SECONDS - begun)) -ge 8 ]
    kill -9 "$other"
else
    other 'exec 6>&-'
    flock --exclusive --nonblock a/locked true
    other umount b
    exec 8>&-
    wait "$other"
fi
umount a
