#!/usr/bin/env bash
# Mounts $EXPORT and looks at its past: `file` read `old` at the snapshot `first` and at $THEN, and reads `new` now.
set -eu
trap 'echo "line $LINENO was a surprise"' ERR
mkdir a
mount.nfs4 -o "vers=${VERSION:-4.1},port=$PORT,hard,sec=sys" "$SERVER:$EXPORT" a

echo '== present and past'
[ "$(cat a/file)" = new ]
[ "$(cat a/.snapshot/first/file)" = old ]
[ "$(cat "a/.snapshot/@$THEN/file")" = old ]
[ "$(cat a/file)" = new ]
[ "$(stat -c %i a/file)" = "$(stat -c %i a/.snapshot/first/file)" ]
[ "$(stat -c %d a/file)" != "$(stat -c %d a/.snapshot/first/file)" ]

echo '== found, and listed only when it is asked for'
[ "$(ls -A a)" = file ]
[ "$(ls a/.snapshot)" = first ]
[ ! -e a/.snapshot/none ]

echo '== read-only'
! touch a/.snapshot/first/more 2>/dev/null
! (echo more >a/.snapshot/first/file) 2>/dev/null
! mkdir a/.snapshot/more 2>/dev/null
[ "$(cat a/.snapshot/first/file)" = old ]
cp a/.snapshot/first/file a/back
[ "$(cat a/back)" = old ]
umount -R a
echo '== done'
