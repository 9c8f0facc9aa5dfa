#!/usr/bin/env bash
# SQLite on the mount, with both its journals: $TRANSACTIONS each. Its integrity check judges, here and on the host.
. "$(dirname "$0")/scenario.sh"
attach a
attach b nosharecache
mkdir a/sqlite

# transactions WHO [FILE]: so many transactions, each of which adds a row and counts it; in their middle it makes the file.
transactions() {
    echo '.timeout 600000'
    local number
    for ((number = 1; number <= TRANSACTIONS; number++)); do
        echo "BEGIN IMMEDIATE; INSERT INTO rows VALUES('$1', $number, randomblob(200 + $number % 3000));"
        echo 'UPDATE count SET n = n + 1; COMMIT;'
        [ -z "${2:-}" ] || [ "$number" != $((TRANSACTIONS / 2)) ] || echo ".shell touch $2"
    done
}
schema='CREATE TABLE rows(who TEXT, number INT, data BLOB, UNIQUE(who, number)); CREATE TABLE count(n INT); INSERT INTO count VALUES(0);'
# judge FILE TOTAL: integrity, every row, and the count.
judge() {
    [ "$(sqlite3 "$1" '.timeout 600000' 'PRAGMA integrity_check; SELECT n FROM count; SELECT count(*) FROM rows;')" = "$(printf 'ok\n%d\n%d' "$2" "$2")" ]
}

step 'a rollback journal, two connections on two mounts'
sqlite3 -bail a/sqlite/rollback.db "PRAGMA journal_mode=DELETE; $schema" >/dev/null
strike_when '[ "$(sqlite3 a/sqlite/rollback.db ".timeout 600000" "SELECT n FROM count")" -ge '$((TRANSACTIONS / 2))' ]' &
killer=$!
transactions one | sqlite3 -bail a/sqlite/rollback.db &
one=$!
transactions two | sqlite3 -bail b/sqlite/rollback.db
wait "$one"
wait "$killer"
struck
judge a/sqlite/rollback.db $((2 * TRANSACTIONS))
judge b/sqlite/rollback.db $((2 * TRANSACTIONS))

step 'a lock that is held is seen by the other mount'
mkfifo /tmp/sqlite-lock
sqlite3 -bail a/sqlite/rollback.db </tmp/sqlite-lock &
holder=$!
exec 7>/tmp/sqlite-lock
printf '%s\n' 'BEGIN EXCLUSIVE;' '.shell touch /tmp/sqlite-locked' >&7
until [ -e /tmp/sqlite-locked ]; do pause 0.1; done
refused sqlite3 -bail b/sqlite/rollback.db 'SELECT n FROM count' 2>/tmp/sqlite-refusal
grep -q 'database is locked' /tmp/sqlite-refusal
exec 7>&-
wait "$holder"
sqlite3 -bail b/sqlite/rollback.db 'SELECT n FROM count' >/dev/null

step 'a write-ahead log'
# Its index is shared memory, which no network file system has: one connection, which holds the lock (sqlite.org/wal.html, section 8).
strike_when '[ -e /tmp/sqlite-half ]' &
killer=$!
{
    echo 'PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;' "$schema"
    transactions three /tmp/sqlite-half
} | sqlite3 -bail a/sqlite/wal.db >/tmp/sqlite-modes
wait "$killer"
struck
grep -q '^wal$' /tmp/sqlite-modes
{
    echo 'PRAGMA locking_mode=EXCLUSIVE; PRAGMA integrity_check; SELECT count(*) FROM rows;'
} | sqlite3 -bail b/sqlite/wal.db >/tmp/sqlite-wal
grep -q '^ok$' /tmp/sqlite-wal
grep -q "^$TRANSACTIONS\$" /tmp/sqlite-wal
umount b
umount a
