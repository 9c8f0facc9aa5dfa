#!/usr/bin/env bash
# Clones $SHARED/repository.git onto the mount; judged by git itself, which reads everything again over a fresh mount.
. "$(dirname "$0")/scenario.sh"
attach a
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
repository=$SHARED/repository.git

step 'git clone'
strike_when '[ -e a/clone/d15 ]' &
killer=$!
git clone -q "file://$repository" a/clone
wait "$killer"
struck
[ -z "$(git -C a/clone status --porcelain)" ]
umount a

step 'git fsck over a fresh mount'
attach a
git -C a/clone fsck --full --strict --no-progress --no-dangling
[ "$(git -C a/clone rev-list --count HEAD)" = "$(git -C "$repository" rev-list --count HEAD)" ]

step 'every file hashed again'
# An empty index knows nothing of the files: all of them are read.
GIT_INDEX_FILE=/tmp/clone-index git -C a/clone add -A
[ "$(GIT_INDEX_FILE=/tmp/clone-index git -C a/clone write-tree)" = "$(git -C "$repository" rev-parse 'HEAD^{tree}')" ]
rm -f /tmp/clone-index

step 'work in it'
echo more >>a/clone/d0/f0
git -C a/clone -c user.name=varve -c user.email=varve@localhost commit -q -a -m more
git -C a/clone gc -q --prune=now
git -C a/clone fsck --full --strict --no-progress
umount a
