#!/usr/bin/env bash
# Mounts $EXPORT over NFSv4.2 and uses what it has over 4.1; $OTHER is another file system of the same server. `file` read `old` at
# the snapshot `first`. The client's own counters tell that the operations were sent, and that nothing fell back unseen.
. "$(dirname "$0")/scenario.sh"
attach a
attach b "$fresh"
mkdir c
mount.nfs4 -o "$options" "$SERVER:$OTHER" c
grep ' nfs4 ' /proc/mounts
grep -q 'vers=4.2' /proc/mounts

# sent OPERATION [MOUNT]: how often a mount, the first unless it is named, has sent an operation.
sent() {
    awk -v place="$PWD/${2:-a}" -v name="$1:" '$1 == "device" { here = $5 == place } here && $1 == name { print $2 }' /proc/self/mountstats
}
# lseek(2) with a number of whence: 3 is SEEK_DATA, 4 SEEK_HOLE.
seek() { perl -e 'open(F, "<", $ARGV[0]) or die; my $p = sysseek(F, $ARGV[1], $ARGV[2]); print defined $p ? $p + 0 : "none $!", "\n"' "$@"; }

step 'files, as over 4.1'
head -c 3000000 /dev/urandom >/tmp/source
cp /tmp/source a/source
sync a/source
cmp /tmp/source b/source
mkdir a/dir
mv a/source a/dir/source
[ "$(stat -c %s b/dir/source)" = 3000000 ]

step 'data and holes'
truncate -s 10000000 a/sparse
# Whole pages: the client writes parts of one whole.
dd if=/tmp/source of=a/sparse bs=102400 count=1 seek=30 conv=notrunc status=none
sync a/sparse
[ "$(seek a/sparse 0 3)" = 3072000 ]
[ "$(seek a/sparse 0 4)" = 0 ]
[ "$(seek a/sparse 3072001 4)" = 3174400 ]
case $(seek a/sparse 3174400 3) in none*) ;; *) false ;; esac
[ "$(seek a/dir/source 0 4)" = 3000000 ]
[ "$(sent SEEK)" -gt 0 ]

step 'punch, and what fallocate cannot promise'
cp /tmp/source a/punched
sync a/punched
fallocate -p -o 1000000 -l 500000 a/punched
[ "$(sent DEALLOCATE)" -gt 0 ]
[ "$(stat -c %s b/punched)" = 3000000 ]
[ "$(seek b/punched 0 4)" = 1000000 ]
[ "$(seek b/punched 1000000 3)" = 1500000 ]
cmp -n 1000000 /tmp/source b/punched
cmp -i 1500000 /tmp/source b/punched
refused fallocate -l 5000000 a/promised 2>/dev/null
# glibc falls back to writing.
fallocate --posix -l 300000 a/written
[ "$(stat -c %s b/written)" = 300000 ]

step 'clone'
cp --reflink=always a/dir/source a/clone
[ "$(sent CLONE)" -gt 0 ]
cmp /tmp/source b/clone
printf changed | dd of=a/clone bs=1 seek=1000 conv=notrunc status=none
sync a/clone
cmp /tmp/source b/dir/source
[ "$(dd if=b/clone bs=1 skip=1000 count=7 status=none)" = changed ]
cmp -n 1000 /tmp/source b/clone
cmp -i 1007 /tmp/source b/clone
rm a/dir/source
cmp -i 1007 /tmp/source b/clone
# A part at odd places: FICLONERANGE is _IOW(0x94, 13, struct file_clone_range).
perl -e 'open(S, "<", "a/clone") or die; open(T, "+<", "a/sparse") or die;
    ioctl(T, 0x4020940d, pack("qQQQ", fileno(S), 5001, 12345, 777)) or die "FICLONERANGE: $!"'
cmp <(tail -c +5002 /tmp/source | head -c 12345) <(tail -c +778 b/sparse | head -c 12345)

step 'copy'
cp --reflink=never a/clone /tmp/clone
# copy_file_range(2) is 326 on x86-64.
perl -e 'open(S, "<", "a/clone") or die; open(T, ">", "a/copy") or die; my $left = 3000000;
    while ($left > 0) { my $n = syscall(326, fileno(S), 0, fileno(T), 0, $left, 0); die "copy_file_range: $!" if $n <= 0; $left -= $n }'
[ "$(sent COPY)" -gt 0 ]
cmp /tmp/clone b/copy
before=$(sent WRITE)
cp --reflink=auto a/clone a/auto
cmp /tmp/clone b/auto
[ "$(sent WRITE)" = "$before" ]

step 'from the past, and to another file system'
[ "$(cat a/file)" = new ]
cp a/.snapshot/first/file a/back
[ "$(cat b/back)" = old ]
cp a/clone c/clone
cmp /tmp/clone c/clone

step 'extended attributes'
setfattr -n user.color -v blue a/file
[ "$(getfattr --only-values -n user.color b/file)" = blue ]
[ "$(sent SETXATTR)" -gt 0 ]
setfattr -n user.color -v red b/file
[ "$(getfattr --only-values -n user.color b/file)" = red ]
setfattr -n user.dir -v yes a/dir
[ "$(getfattr --only-values -n user.dir b/dir)" = yes ]
perl -e 'my ($f, $n, $v) = ("a/file", "user.large", "x" x 60000); syscall(188, $f, $n, $v, length $v, 0) == 0 or die "setxattr: $!"'
[ "$(getfattr --only-values -n user.large b/file | wc -c)" = 60000 ]
for number in $(seq 1 300); do setfattr -n "user.number-$number" -v "$number" a/dir; done
[ "$(getfattr --absolute-names b/dir | grep -c '^user.number-')" = 300 ]
[ "$(getfattr --only-values -n user.number-77 b/dir)" = 77 ]
setfattr -x user.color a/file
refused getfattr --only-values -n user.color b/file 2>/dev/null
[ "$(getfattr --absolute-names b/file | grep -c '^user\.')" = 1 ]
refused setfattr -n trusted.mine -v no a/file 2>/dev/null

step 'all of it while the server is killed and started again'
cp a/punched /tmp/across
fallocate -p -o 200000 -l 300000 /tmp/across
for number in $(seq 1 10); do
    cp --reflink=always a/punched "a/across-$number"
    [ "$number" != 3 ] || strike kill-past
    fallocate -p -o 200000 -l 300000 "a/across-$number"
    setfattr -n user.across -v "$number" "a/across-$number"
    perl -e 'open(S, "<", $ARGV[0]) or die; open(T, ">", $ARGV[1]) or die; my $left = 3000000;
        while ($left > 0) { my $n = syscall(326, fileno(S), 0, fileno(T), 0, $left, 0); die "copy_file_range: $!" if $n <= 0; $left -= $n }' \
        "a/across-$number" "a/copied-$number"
done
struck kill-past
for number in $(seq 1 10); do
    cmp /tmp/across "b/across-$number"
    cmp /tmp/across "b/copied-$number"
    [ "$(seek "b/across-$number" 0 4)" = 200000 ]
    [ "$(getfattr --only-values -n user.across "b/across-$number")" = "$number" ]
done

step 'umask'
(umask 027 && : >a/masked && mkdir a/masked-dir)
[ "$(stat -c %a b/masked)" = 640 ]
[ "$(stat -c %a b/masked-dir)" = 750 ]

grep -E '^[[:space:]]+(SEEK|DEALLOCATE|CLONE|COPY|SETXATTR|GETXATTR|LISTXATTRS|REMOVEXATTR|READ_PLUS):' /proc/self/mountstats | head -n 9
# READ_PLUS is sent by kernels that are configured so alone.
for operation in SEEK DEALLOCATE CLONE COPY SETXATTR REMOVEXATTR; do [ "$(sent "$operation")" -gt 0 ]; done
for operation in GETXATTR LISTXATTRS; do [ "$(sent "$operation" b)" -gt 0 ]; done
umount -R a
umount b
umount c
