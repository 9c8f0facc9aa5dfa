#!/usr/bin/env bash
# fio writes $VERIFY_MIB of blocks that carry their CRC32C, in order and at random, and reads them back, also over a fresh mount.
. "$(dirname "$0")/scenario.sh"
attach a
mkdir a/fio
jobs=/tmp/verify.fio
# Threads, and the time of day from the processor: this kernel's processes and clock calls are dear.
cat >$jobs <<JOBS
[global]
ioengine=psync
thread=1
filename_format=\$jobname
verify=crc32c
verify_fatal=1
randseed=7
do_verify=1
size=${VERIFY_MIB}m
[sequential]
rw=write
bs=1m
end_fsync=1
[random]
stonewall
rw=randwrite
bsrange=4k-128k
fsync=64
[direct]
stonewall
rw=randwrite
direct=1
bs=64k
JOBS

step 'write and verify'
strike_when '[ -s a/fio/random ]' &
killer=$!
fio --directory=a/fio --output=/tmp/verify.log $jobs || { cat /tmp/verify.log; false; }
wait "$killer"
struck
grep -h -E 'READ:|WRITE:' /tmp/verify.log
umount a

step 'verify over a fresh mount'
attach a
fio --directory=a/fio --verify_only --output=/tmp/verify.log $jobs || { cat /tmp/verify.log; false; }
umount a
