#!/usr/bin/env bash
# Mounts $EXPORT and looks at its past: `file` read `old` at the snapshot `first` and at $THEN, and reads `new` now.
. "$(dirname "$0")/scenario.sh"
attach a

step 'present and past'
[ "$(cat a/file)" = new ]
[ "$(cat a/.snapshot/first/file)" = old ]
[ "$(cat "a/.snapshot/@$THEN/file")" = old ]
[ "$(cat a/file)" = new ]
[ "$(stat -c %i a/file)" = "$(stat -c %i a/.snapshot/first/file)" ]
[ "$(stat -c %d a/file)" != "$(stat -c %d a/.snapshot/first/file)" ]

step 'found, and listed only when it is asked for'
[ "$(ls -A a)" = file ]
[ "$(ls a/.snapshot)" = first ]
[ ! -e a/.snapshot/none ]

step 'read-only'
refused touch a/.snapshot/first/more 2>/dev/null
refused eval '(echo more >a/.snapshot/first/file)' 2>/dev/null
refused mkdir a/.snapshot/more 2>/dev/null
[ "$(cat a/.snapshot/first/file)" = old ]
cp a/.snapshot/first/file a/back
[ "$(cat a/back)" = old ]

step 'and goes on over a restart of the server'
# Keeps nothing: each look is the server's.
attach b "$fresh"
exec 7<a/.snapshot/first/file
for ((round = 1; round <= (KILL ? 40 : 2); round++)); do
    [ "$round" != 5 ] || strike kill-past
    [ "$(cat b/.snapshot/first/file)" = old ]
    [ "$(cat "b/.snapshot/@$THEN/file")" = old ]
    [ "$(ls b/.snapshot)" = first ]
    [ "$(cat b/file)" = new ]
done
struck kill-past
[ "$(cat <&7)" = old ]
exec 7<&-
[ "$(cat a/.snapshot/first/file)" = old ]
umount -R b
umount -R a
