#!/usr/bin/env bash
# varved beside another NFS server: the same load on both, in turn, on this machine. See docs/benchmarks.md.
#
#   nfs-peer.sh [--rounds N] [--minor 0|1|2] [--depth N] [--data MIB] [--dirsync] [--directory DIR] [--results FILE]
#               [--tests 'NAME …'] | --small
#
# --rounds     of everything; the servers change places from one to the next (3)
# --minor      NFSv4.0, 4.1 or 4.2 (1)
# --depth      requests of each client in flight (1)
# --data       MiB that are written and read, all clients together (1024)
# --dirsync    the peer's ext4 is mounted with dirsync: then its namespace operations too are durable when answered
# --tests      which of the load's tests, in their order (all; what reads needs what writes)
# --directory  a directory on the disk to measure, with 8 GiB free (/var/tmp)
# --results    keeps each figure of each round there, a JSON object a line
# --small      varved alone, as any user, for seconds: shows that it runs, measures nothing (CI)
#
# The peer is nfs-ganesha (Debian: nfs-ganesha, nfs-ganesha-vfs). For each measurement a server gets an empty ext4 in a
# loop image, in mount, process and network namespaces of its own: whatever ends this program ends all that it started.
# That takes root.
# Exit: 0; 1 when something is missing or any operation failed; 64 usage.
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
binaries=${VARVE_BINARIES:-$root/.build/release}

refuse() { echo "nfs-peer.sh: $*" >&2; exit 64; }
stop() { echo "nfs-peer.sh: $*" >&2; exit 1; }
wanted() { command -v "$1" >/dev/null || stop "'$1' is missing: apt-get install $2"; }

rounds=3 minor=1 depth=1 data=1024 directory=/var/tmp results='' small=0 dirsync=0 inside=''
tests='seqwrite seqread randread create open stat readdir rename unlink'
while [ $# -gt 0 ]; do
    case "$1" in
        --small) small=1 ;;
        --dirsync) dirsync=1 ;;
        --rounds | --minor | --depth | --data | --tests | --directory | --results | --inside)
            [ $# -ge 2 ] || refuse "$1 needs a value"
            declare "${1#--}=$2"
            shift
            ;;
        --help | -h) sed -n '2,21s/^# \{0,1\}//p' "$0"; exit ;;
        *) refuse "no option '$1'" ;;
    esac
    shift
done
for number in "$rounds" "$depth" "$data"; do
    [[ $number =~ ^[1-9][0-9]*$ ]] || refuse "'$number' is no number of anything"
done
[[ $minor =~ ^[012]$ ]] || refuse "there is no NFSv4.$minor"

wanted cc gcc
wanted perl perl
for program in varved varve; do
    [ -x "$binaries/$program" ] || stop "$binaries/$program is missing: ./x build"
done
if [ "$small" = 0 ]; then
    [ "$(id -u)" = 0 ] || stop "root is needed, for loop mounts and ports below 1024; --small runs without"
    wanted ganesha.nfsd "nfs-ganesha nfs-ganesha-vfs"
    wanted ip iproute2
    wanted mkfs.ext4 e2fsprogs
fi

# --- How it ends ------------------------------------------------------------------------------------------

work='' server='' child=''

clean_up() {
    local status=$?
    local process
    for process in $server $child; do { kill -KILL "$process"; wait "$process"; } 2>/dev/null || true; done
    [ "$status" != 1 ] || tail -n 20 "$work"/*.log >&2 2>/dev/null || true
    # Mounts were in the namespaces: here are logs and results alone. Who wrote them may not have ended yet.
    rm -rf "$work" 2>/dev/null || { sleep 1 && rm -rf "$work"; }
    exit "$status"
}

# Runs this program again where all that it starts and mounts ends with it.
enter_namespaces() {
    local options=(--rounds "$rounds" --minor "$minor" --depth "$depth" --data "$data" --tests "$tests")
    [ "$dirsync" = 0 ] || options+=(--dirsync)
    setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc --net \
        "$here/nfs-peer.sh" --inside "$work" "${options[@]}" &
    child=$!
    wait "$child"
    child=''
    [ -z "$results" ] || cp "$work/results" "$results"
}

# --- The ground ------------------------------------------------------------------------------------------

# An empty directory; for a measurement, of an ext4 of its own: on a used one a create costs what was deleted before.
make_ground() { # SIDE
    local image=$ground.ext4 kind=loop device
    mkdir "$ground"
    [ "$small" = 0 ] || return 0
    fallocate -l 6G "$image"
    # Nothing is left to be initialised in the background while we measure.
    mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0,nodiscard "$image"
    # Varve syncs what it acknowledges itself.
    [ "$1-$dirsync" != ganesha-1 ] || kind=loop,dirsync
    mount -o "$kind" "$image" "$ground"
    rm "$image"
    device=$(findmnt -n -o SOURCE --mountpoint "$ground")
    # Past the page cache of the disk below, so that nothing is cached twice.
    losetup --direct-io=on "$device"
}

remove_ground() {
    [ "$small" = 1 ] || umount "$ground"
    rm -rf "$ground"
}

# --- The servers: each sets $server (its process), $port and $path ------------------------------------------

# Waits up to 30 s for a command to succeed, while the server lives.
await() {
    local _
    for _ in $(seq 600); do
        "$@" && return
        kill -0 "$server" 2>/dev/null || break
        sleep 0.05
    done
    stop "the server does not come up; its log is below"
}

varve() { "$binaries/varve" --socket "$ground/state/varved.sock" "$@"; }
varved_listens() { varve fs list >/dev/null 2>&1 && grep -q 'serving NFS' "$work/varved.log"; }

start_varved() {
    local state=$ground/state
    # No jobs: a backup that becomes due is not what is measured.
    mkdir "$ground/no-policies"
    "$binaries/varved" init --state "$state" --key-file "$ground/root.key" >/dev/null
    [ "$(id -u)" = 0 ] || echo 'nfsPorts: any' >"$state/varve.yaml"
    setpriv --pdeathsig KILL "$binaries/varved" serve --state "$state" --key-file "$ground/root.key" \
        --nfs 127.0.0.1:0 --jobs "$ground/no-policies" --retention "$ground/no-policies" 2>"$work/varved.log" &
    server=$!
    await varved_listens
    port=$(sed -n '/serving NFS/s/.*address=[^ ]*:\([0-9]*\).*/\1/p' "$work/varved.log")
    path=/$(varve fs create bench | grep -o 'fs-[0-9a-f]*')
}

ganesha_listens() { (: <"/dev/tcp/127.0.0.1/2049") 2>/dev/null; }

start_ganesha() {
    mkdir "$ground/share"
    rm -rf "$work/recovery"
    mkdir "$work/recovery"
    # A lease outlasts every test: a client that is through early waits for the others.
    cat >"$work/ganesha.conf" <<TEXT
NFS_CORE_PARAM {
    Protocols = 4; NFS_Port = 2049;
    Enable_NLM = false; Enable_RQUOTA = false; Enable_UDP = false;
    Plugins_Dir = "$(dirname "$(dpkg -L nfs-ganesha-vfs | grep '/libfsalvfs\.so$')")";
}
NFSv4 {
    Minor_Versions = 0, 1, 2; Lease_Lifetime = 120; Grace_Period = 120; Graceless = true;
    Only_Numeric_Owners = true; Delegations = false;
    RecoveryBackend = fs; RecoveryRoot = "$work/recovery";
}
EXPORT_DEFAULTS { Access_Type = RW; Squash = No_Root_Squash; SecType = sys; Protocols = 4; Transports = TCP; }
EXPORT { Export_Id = 1; Path = "$ground/share"; Pseudo = /share; FSAL { Name = VFS; } }
LOG { Default_Log_Level = EVENT; }
TEXT
    ganesha.nfsd -F -L "$work/ganesha.log" -f "$work/ganesha.conf" -p "$work/ganesha.pid" >/dev/null 2>&1 &
    server=$!
    port=2049 path=/share
    await ganesha_listens
}

# Ends it in order; after 30 s, in disorder.
stop_server() {
    local process=$server _
    kill "$process"
    for _ in $(seq 600); do kill -0 "$process" 2>/dev/null || break; sleep 0.05; done
    kill -KILL "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
    server=''
}

# --- The load ----------------------------------------------------------------------------------------------

if [ "$small" = 1 ]; then
    rounds=1
    data=16 files_of_one=20 files_of_many=5 seconds=1
    tests=''
    sides=(varved)
else
    files_of_one=4000 files_of_many=1000 seconds=5 # 4,000 of one client, 16,000 of sixteen.
    sides=(varved ganesha)
fi

load() { # CLIENTS
    local files=$files_of_one
    [ "$1" = 1 ] || files=$files_of_many
    local chosen
    read -ra chosen <<<"$tests"
    "$work/nfsload" --port "$port" --path "$path" --minor "$minor" --clients "$1" --depth "$depth" \
        --size $((data / $1)) --files "$files" --seconds "$seconds" --pid "$server" --json "${chosen[@]}"
}

measure() { # SIDE ROUND CLIENTS
    ground=$work/ground
    make_ground "$1"
    "start_$1"
    load "$3" | sed "s/^{/{\"side\":\"$1\",\"round\":$2,/" >>"$work/results"
    stop_server
    remove_ground
}

# --- What is measured where ------------------------------------------------------------------------------------

say_versions() {
    local commit processor
    commit=$(git -C "$root" describe --always --dirty 2>/dev/null) || commit='no commit'
    processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
    echo "varved $("$binaries/varved" --version), $commit: One Zone, encrypted"
    [ "$small" = 1 ] || echo "nfs-ganesha $(dpkg-query -W -f='${Version}' nfs-ganesha-vfs): FSAL VFS$(
        [ "$dirsync" = 0 ] || echo ', ext4 with dirsync'
    )"
    echo "$(date -u +%FT%RZ), Linux $(uname -r), $(nproc) processors (${processor:-of unknown make})," \
        "$(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)"
    echo "NFSv4.$minor over loopback, $depth in flight a client, rounds: $rounds, $data MiB of data"
}

measure_all() {
    local round clients side order
    cc -O2 -Wall -Wextra -Werror -pthread -o "$work/nfsload" "$here"/nfsload/*.c
    : >"$work/results"
    say_versions
    for round in $(seq "$rounds"); do
        order=("${sides[@]}")
        # They change places from round to round.
        [ $((round % 2)) = 1 ] || order=("${sides[-1]}" "${sides[@]:0:${#sides[@]}-1}")
        for clients in 1 16; do
            for side in "${order[@]}"; do measure "$side" "$round" "$clients"; done
        done
    done
    echo
    perl "$here/nfs-peer-table.pl" "$work/results"
}

if [ -n "$inside" ]; then
    work=$inside
    ip link set lo up
    measure_all
    exit
fi
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
work=$(mktemp -d "$directory/varve-nfs.XXXXXX")
if [ "$small" = 0 ]; then
    enter_namespaces
else
    measure_all
    [ -z "$results" ] || cp "$work/results" "$results"
fi
