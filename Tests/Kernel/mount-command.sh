#!/usr/bin/env bash
# Mounts as `varve mount` says: $MOUNT_LIVE and $MOUNT_PAST are its options and what is behind the host's name, of a folder today and of its past.
. "$(dirname "$0")/scenario.sh"
step 'a folder'
mkdir a b
mount -t nfs4 -o "${MOUNT_LIVE%% *}" "$SERVER:${MOUNT_LIVE#* }" a
strike kill-past
[ "$(cat a/file)" = new ]
for wanted in rsize=1048576 wsize=1048576 hard timeo=600 retrans=2 proto=tcp; do grep -q " $PWD/a nfs4 .*[,]$wanted," /proc/mounts; done
step 'its past'
mount -t nfs4 -o "${MOUNT_PAST%% *}" "$SERVER:${MOUNT_PAST#* }" b
[ "$(cat b/file)" = old ]
struck kill-past
[ "$(cat a/file b/file)" = newold ]
refused touch b/file 2>/dev/null
umount b
umount a
