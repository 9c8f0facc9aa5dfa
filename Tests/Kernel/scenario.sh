# Read by every scenario: how it mounts, what it says, and how it has its server killed.
#
# Finds: $SERVER, $PORT, $EXPORT; $VERSION, the minor version (4.1); $SHARED, a directory that the host sees too; $KILL, 1 when the
# server is to be killed in the scenario's middle.
set -eu
set -o pipefail
trap 'echo "line $LINENO was a surprise"' ERR
options=vers=${VERSION:-4.1},port=$PORT,hard,sec=sys,timeo=50
# What a second superblock needs to share no cache with the first, and to keep no attributes: what it shows came from the server.
fresh=nosharecache,actimeo=0,lookupcache=none

# refused COMMAND...: the command fails, of its own accord. Not `! COMMAND`, which asserts nothing: neither set -e nor the trap
# looks at the status of a command behind a `!`.
refused() {
    local status=0
    "$@" || status=$?
    # 1 for what is held or forbidden; from 64 on the program was not found, could not open its file, or was killed.
    [ "$status" -ge 1 ] && [ "$status" -lt 64 ] || {
        echo "was to be refused, and ended with $status: $*"
        return 1
    }
}

step() { echo "== $* (at $SECONDS s)"; }

# attach DIR [OPTIONS]: mounts the export.
attach() {
    mkdir -p "$1"
    mount.nfs4 -o "$options${2:+,$2}" "$SERVER:$EXPORT" "$1"
}

# A pipe that nobody writes to: waiting on it costs no process, and processes are dear in this kernel.
exec {nobody}<> <(:)
pause() { read -r -t "$1" -u "$nobody" || true; }

# strike [NAME]: in the scenario's middle; the host kills its server with SIGKILL and starts it again, while the scenario goes on.
strike() {
    [ "$KILL" = 1 ] || return 0
    echo "-- kill -9 of the server"
    : >"$SHARED/${1:-kill}"
}

# struck [NAME]: waits until the server is back.
struck() { while [ -e "$SHARED/${1:-kill}" ]; do pause 0.2; done; }

# strike_when CONDITION: strikes once the condition, a command, holds; runs beside the scenario's work.
strike_when() {
    [ "$KILL" = 1 ] || return 0
    until eval "$1" 2>/dev/null; do pause 0.1; done
    strike
}
