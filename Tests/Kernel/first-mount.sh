#!/usr/bin/env bash
# Mounts $EXPORT over NFSv$VERSION and does with it what anybody does first; says what it found, and fails at the first surprise.
. "$(dirname "$0")/scenario.sh"

step "mount $SERVER:$EXPORT"
attach a
grep ' nfs4 ' /proc/mounts

step 'make, write, sync, compare'
mkdir a/dir
head -c 3000000 /dev/urandom >/tmp/source
cp /tmp/source a/dir/file
sync a/dir/file
cmp /tmp/source a/dir/file
printf 'small' >a/dir/small
[ "$(cat a/dir/small)" = small ]

step 'what another mount sees'
# A second superblock shares no cache with the first, and keeps no attributes: what it shows came from the server.
attach b "$fresh"
cmp /tmp/source b/dir/file
[ "$(cat b/dir/small)" = small ]
echo more >>a/dir/small
[ "$(cat b/dir/small)" = smallmore ]

step 'append, truncate, holes'
truncate -s 1000000 a/dir/file
[ "$(stat -c %s b/dir/file)" = 1000000 ]
cmp -n 1000000 /tmp/source b/dir/file
truncate -s 5000000 a/dir/sparse
printf end | dd of=a/dir/sparse bs=1 seek=4999997 conv=notrunc status=none
[ "$(tail -c 3 b/dir/sparse)" = end ]
[ "$(head -c 1000000 b/dir/sparse | tr -d '\0' | wc -c)" = 0 ]

step 'names'
mv a/dir/small a/dir/renamed
[ ! -e a/dir/small ]
ln a/dir/renamed a/hard
[ "$(stat -c %h a/dir/renamed)" = 2 ]
ln -s dir/renamed a/soft
[ "$(cat a/soft)" = smallmore ]
mkfifo a/fifo
[ -p a/fifo ]
mkdir a/empty
rmdir a/empty
refused rmdir a/dir 2>/dev/null
for number in $(seq 1 300); do
    : >"a/dir/entry-$number"
    [ "$number" != 100 ] || strike
done
struck
[ "$(ls a/dir | wc -l)" = 303 ]
[ "$(ls b/dir | grep -c entry)" = 300 ]
ls -l a a/dir | tail -n 3

step 'modes, owners, times'
chmod 640 a/hard
chown 12:34 a/hard
touch -d '2001-02-03 04:05:06.789' a/hard
[ "$(stat -c '%a %u %g' b/hard)" = '640 12 34' ]
[ "$(stat -c %Y b/hard)" = "$(date -d '2001-02-03 04:05:06' +%s)" ]

step 'exclusive creation'
(set -o noclobber && echo one >a/lock)
refused eval '(set -o noclobber && echo two >a/lock)' 2>/dev/null
[ "$(cat b/lock)" = one ]

step 'an open file without a name'
exec 5<>a/unlinked
echo kept >&5
rm a/unlinked
[ "$(cat <&5)" = '' ]
exec 5>&-
[ ! -e a/unlinked ]

step 'locks between two mounts'
flock --version >/dev/null
exec 6>a/locked
flock --exclusive --nonblock 6
refused flock --exclusive --nonblock b/locked true
exec 6>&-
flock --exclusive --nonblock b/locked true

step 'space'
df a | tail -n 1
[ "$(stat -f -c %l a)" = 255 ]

step 'remove'
rm -r a/dir a/hard a/soft a/fifo a/lock a/locked
[ "$(ls -A a | wc -l)" = 0 ]
umount b
umount a
step done
