#!/usr/bin/env bash
# varved's backups beside restic and borg: the same data, in turn, on this machine. See docs/benchmarks.md.
#
#   backup-peers.sh [--only TEST,…] [--directory DIR] [--results FILE] [--keep] | --small
#
# --only       tree, image, files or points; all by default
# --directory  a directory on the disk to measure, with 40 GiB free (/var/tmp)
# --results    keeps each figure there, a JSON object a line
# --keep       leaves the working directory and says where it is
# --small      a twentieth of everything, minutes instead of an hour: to try things; its figures mean little
#
# The peers are Debian's restic and borg 1.4 of PyPI, both encrypted and with zstd. borg is built once into
# .build/borg-1.4, with python3-venv, pkg-config and the headers of libacl1-dev, liblz4-dev, libssl-dev, libxxhash-dev and
# libzstd-dev; where that fails, Debian's borg is measured. Of restic no newer package is to be had on Debian 12. The
# versions are printed. Any user may run it.
# Exit: 0; 1 when something is missing, fails, or is restored otherwise than it was; 64 usage.
set -euo pipefail
export LC_ALL=C TZ=UTC PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
binaries=${VARVE_BINARIES:-$root/.build/release}

refuse() { echo "backup-peers.sh: $*" >&2; exit 64; }
stop() { echo "backup-peers.sh: $*" >&2; exit 1; }
wanted() { command -v "$1" >/dev/null || stop "'$1' is missing: apt-get install $2"; }

# Puts a borg first in the path: 1.4, which is built when it is not there yet, or Debian's.
find_borg() {
    local home=$root/.build/borg-1.4 log
    if [ ! -x "$home/bin/borg" ]; then
        mkdir -p "$root/.build"
        log=$(mktemp)
        echo "borg 1.4 is being built into $home" >&2
        if ! { python3 -m venv "$home" && "$home/bin/pip" install -q 'borgbackup==1.4.*'; } >"$log" 2>&1; then
            echo "borg 1.4 cannot be built, so Debian's is measured: $(tail -n 1 "$log")" >&2
            rm -rf "$home"
        fi
        rm "$log"
    fi
    if [ -x "$home/bin/borg" ]; then
        mkdir -p "$home/path"
        ln -sf ../bin/borg "$home/path/borg"
        PATH=$home/path:$PATH
    fi
    wanted borg borgbackup
}

only=tree,image,files,points directory=/var/tmp results='' small=0 keep=0
while [ $# -gt 0 ]; do
    case "$1" in
        --small) small=1 ;;
        --keep) keep=1 ;;
        --only | --directory | --results)
            [ $# -ge 2 ] || refuse "$1 needs a value"
            declare "${1#--}=$2"
            shift
            ;;
        --help | -h) sed -n '2,16s/^# \{0,1\}//p' "$0"; exit ;;
        *) refuse "no option '$1'" ;;
    esac
    shift
done
[[ ,$only, =~ ^(,(tree|image|files|points))+,$ ]] || refuse "--only knows tree, image, files and points"

wanted cc gcc
wanted perl perl
wanted restic restic
find_borg
[ -x /usr/bin/time ] || stop "'time' is missing: apt-get install time"
for program in varved varve; do
    [ -x "$binaries/$program" ] || stop "$binaries/$program is missing: ./x build"
done

if [ "$small" = 1 ]; then
    tree_files=2500 tree_mib=100 image_mib=128 scattered=33 counts=(500 5000 15000) points=10
else
    tree_files=50000 tree_mib=2048 image_mib=2048 scattered=524 counts=(10000 100000 300000) points=50
fi

# --- How it ends -------------------------------------------------------------------------------------------

work='' daemon=''
clean_up() {
    local status=$?
    if [ -n "$daemon" ]; then { kill "$daemon"; wait "$daemon"; } 2>/dev/null || true; fi
    [ "$status" = 0 ] || tail -n 20 "$work"/*.log >&2 2>/dev/null || true
    if [ "$keep" = 1 ]; then echo "kept: $work" >&2; else chmod -R u+rwX "$work" && rm -rf "$work"; fi
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
work=$(mktemp -d "$directory/varve-backup.XXXXXX")

# --- The three ---------------------------------------------------------------------------------------------

export RESTIC_PASSWORD=bench RESTIC_CACHE_DIR=$work/restic-cache
export BORG_PASSPHRASE=bench BORG_BASE_DIR=$work/borg-base BORG_RELOCATED_REPO_ACCESS_IS_OK=yes
sides=(varve restic borg)

varve() { "$binaries/varve" --socket "$work/state/varved.sock" "$@"; }
listens() { varve fs list >/dev/null 2>&1; }

start_varved() {
    mkdir "$work/no-policies"
    "$binaries/varved" init --state "$work/state" --key-file "$work/root.key" >/dev/null
    # No jobs: a backup that becomes due is not what is measured.
    setpriv --pdeathsig KILL "$binaries/varved" serve --state "$work/state" --key-file "$work/root.key" --nfs off \
        --jobs "$work/no-policies" --retention "$work/no-policies" 2>"$work/varved.log" &
    daemon=$!
    local _
    for _ in $(seq 600); do
        if listens; then return; fi
        kill -0 "$daemon" 2>/dev/null || break
        sleep 0.05
    done
    stop "the daemon does not come up; its log is below"
}

ticks() { awk '{ print $14 + $15 }' "/proc/$daemon/stat"; }

# The daemon's memory in KiB into `memory`: without pages of files that it has mapped, which are the page cache's
# (RssAnon, proc(5)). It starts no program, so that looking often costs little.
look_at_memory() {
    local name value
    while read -r name value _; do
        if [ "$name" = RssAnon: ]; then memory=$value; fi
    done <"/proc/$daemon/status"
}

# Appends the most that it sees, 20 times a second, to a file, so that its end tells it whenever this is killed.
watch_memory() {
    local memory=0 most
    most=$(<"$work/most")
    exec {never}<> <(:)
    while :; do
        look_at_memory
        if [ "$memory" -gt "$most" ]; then most=$memory && echo "$most" >>"$work/most"; fi
        read -rt 0.05 -u "$never" || true
    done
}

# The daemon's peak in KiB since it was last reset: all that is resident, the page cache's pages of mapped files too.
peak_memory() { awk '/^VmHWM:/ { print $2 }' "/proc/$daemon/status"; }

# Runs a program and records what it took: TEST SIDE PROGRAM… Of varve, the daemon's share is counted too. Its memory is the
# peak of what is resident (VmHWM, set back before it, proc(5)), as is a peer's, the greatest of its processes; beside it
# stands what the daemon's own memory grew by at the most.
measure() {
    local test=$1 side=$2 ticks_before memory=0 watcher='' wall user system peak grown=null
    shift 2
    # What was written before is not to be waited for now.
    sync
    if [ "$side" = varve ]; then
        ticks_before=$(ticks)
        look_at_memory
        echo "$memory" >"$work/most"
        echo 5 >"/proc/$daemon/clear_refs"
        watch_memory &
        watcher=$!
    fi
    /usr/bin/time -q -o "$work/time" -f '%e %U %S %M' "$@" >"$work/out.log" 2>"$work/$side.log" || stop "$test: $* ended with $?"
    if [ -n "$watcher" ]; then { kill "$watcher"; wait "$watcher"; } 2>/dev/null || true; fi
    read -r wall user system peak <"$work/time"
    if [ "$side" = varve ]; then
        user=$(awk -v a="$user" -v b="$(($(ticks) - ticks_before))" -v hz="$(getconf CLK_TCK)" 'BEGIN { print a + b / hz }')
        # What the command itself held comes and goes beside the daemon.
        peak=$((peak + $(peak_memory)))
        grown=$(($(tail -n 1 "$work/most") - memory))
    fi
    awk -v test="$test" -v side="$side" -v wall="$wall" -v user="$user" -v sys="$system" -v peak="$peak" -v grown="$grown" 'BEGIN {
        printf "{\"test\":\"%s\",\"side\":\"%s\",\"wall\":%s,\"cpu\":%s,\"peakKiB\":%s,\"grownKiB\":%s}\n", test, side, wall, user + sys, peak, grown }' \
        >>"$work/results"
}

# Records a size in bytes: TEST SIDE BYTES.
record_size() { printf '{"test":"%s","side":"%s","bytes":%s}\n' "$1" "$2" "$3" >>"$work/results"; }

repository() { # SIDE SET: where it lies
    if [ "$1" = varve ]; then echo "$work/state/vaults/$2"; else echo "$work/$1-$2"; fi
}
stored() { du -sB1 --apparent-size "$(repository "$@")" | cut -f1; }

make_repository() { # SIDE SET
    case "$1" in
        varve) varve vault create "$2" >/dev/null ;;
        restic) restic init --repository-version latest -r "$(repository restic "$2")" >/dev/null ;;
        borg) borg init -e repokey "$(repository borg "$2")" 2>/dev/null ;;
    esac
}

# Backs the data of a set up: TEST SIDE SET. The point's id is then in point-SIDE-SET.
back_up() {
    local ids=$work/point-$2-$3 archive
    case "$2" in
        varve)
            measure "$1" varve "$binaries/varve" --socket "$work/state/varved.sock" backup run "$3" --vault "$3"
            head -n 1 "$work/out.log" >"$ids"
            ;;
        restic)
            cd "$work/$3"
            measure "$1" restic restic -q -r "$(repository restic "$3")" backup .
            cd "$here"
            restic -r "$(repository restic "$3")" snapshots --json | perl -MJSON::PP -0777 -ne 'print decode_json($_)->[-1]{id}' >"$ids"
            ;;
        borg)
            archive=a$(date +%s%N)
            cd "$work/$3"
            measure "$1" borg borg create --compression zstd "$(repository borg "$3")::$archive" .
            cd "$here"
            echo "$archive" >"$ids"
            ;;
    esac
}

# Restores all of a set, or one path of it: TEST SIDE SET TARGET [PATH].
restore() {
    local id path=${5:-}
    id=$(cat "$work/point-$2-$3")
    mkdir "$4"
    case "$2" in
        varve)
            measure "$1" varve "$binaries/varve" --socket "$work/state/varved.sock" restore "$3:/$path" --recovery-point "$id" \
                --vault "$3" --to "$4/$(basename "${path:-all}")"
            ;;
        restic) measure "$1" restic restic -q -r "$(repository restic "$3")" restore "$id" --target "$4" ${path:+--include "/$path"} ;;
        borg)
            cd "$4"
            measure "$1" borg borg extract "$(repository borg "$3")::$id" ${path:+"$path"}
            cd "$here"
            ;;
    esac
}

verify() { # TEST SIDE SET
    case "$2" in
        varve) measure "$1" varve "$binaries/varve" --socket "$work/state/varved.sock" vault verify "$3" --read-data ;;
        restic) measure "$1" restic restic -q -r "$(repository restic "$3")" check --read-data ;;
        borg) measure "$1" borg borg check --verify-data "$(repository borg "$3")" ;;
    esac
}

# Deletes points, and gives their space back: TEST SIDE SET ID…
delete_points() {
    local test=$1 side=$2 repository
    repository=$(repository "$2" "$3")
    case "$side" in
        varve)
            measure "$test" varve "$binaries/varve" --socket "$work/state/varved.sock" backup delete "${@:4}" --vault "$3"
            ;;
        restic) measure "$test" restic restic -q -r "$repository" forget --prune "${@:4}" ;;
        borg)
            # shellcheck disable=SC2016
            measure "$test" borg bash -c 'borg delete "$0" "$@" && borg compact "$0"' "$repository" "${@:4}"
            ;;
    esac
}

# --- The data ------------------------------------------------------------------------------------------------

data() { "$work/backup-data" "$@"; }

# Files of this machine, none above 32 MiB, until there are enough of them and of their bytes.
make_tree() {
    mkdir "$work/tree"
    (cd / && find usr/include usr/share usr/bin usr/lib -xdev -type f -size -32M -printf '%s %p\0' | sort -z -k 2) >"$work/found"
    perl -0 -ne '
        BEGIN { ($files, $bytes) = splice @ARGV, 0, 2; $every = 1 }
        chomp; my ($size, $path) = split / /, $_, 2;
        push @all, [$size, $path]; $total += $size;
        END {
            # Evenly of all that was found, so that a small tree is as mixed as a large one.
            my $part = $files / @all > $bytes / $total ? $files / @all : $bytes / $total;
            die "this machine has too little in /usr\n" if $part > 1;
            my $due = 0;
            for (@all) { $due += $part; if ($due >= 1) { $due -= 1; print "$_->[1]\0" } }
        }' "$tree_files" $((tree_mib << 20)) "$work/found" >"$work/list"
    tar -C / --null -T "$work/list" -cf - | tar -C "$work/tree" -xf -
    rm "$work/found" "$work/list"
}

import() { varve fs create "$1" >/dev/null && varve import "$work/$1" "$1:/" >/dev/null; }

# Rewrites one in so many files of a set, with the end of itself in front: SET EVERY ROUND. The same on all sides.
change() {
    local set=$1 changed=$work/changed
    rm -rf "$changed"
    mkdir "$changed"
    (cd "$work/$set" && find . -type f -print0 | sort -z | perl -0 -ne "print if (\$. + $3) % $2 == 0" >"$work/list")
    (cd "$work/$set" && tar --null -T "$work/list" -cf - | tar -C "$changed" -xf -)
    (cd "$changed" && perl -0 -ne '
        chomp; open my $in, "<:raw", $_ or die "$_: $!\n"; local $/; my $bytes = <$in> // ""; close $in;
        open my $out, ">:raw", "$_.new" or die "$_: $!\n"; print $out "changed in round '"$3"'\n", $bytes; close $out or die "$_: $!\n";
        rename "$_.new", $_ or die "$_: $!\n"' "$work/list")
    cp -a "$changed/." "$work/$set/"
    varve import "$changed" "$set:/" >/dev/null
}

same() { diff -r --no-dereference "$1" "$2" >"$work/diff.log" 2>&1 || stop "what was restored differs; see below"; }

# --- What is measured -----------------------------------------------------------------------------------------

bench_tree() {
    local side path
    make_tree
    import tree
    for side in "${sides[@]}"; do
        make_repository "$side" tree
        back_up tree-first "$side" tree
        record_size tree-size "$side" "$(stored "$side" tree)"
    done
    change tree 100 0
    for side in "${sides[@]}"; do back_up tree-one-percent "$side" tree; done
    for side in "${sides[@]}"; do
        restore tree-restore "$side" tree "$work/back"
        if [ "$side" = varve ]; then same "$work/tree" "$work/back/all"; else same "$work/tree" "$work/back"; fi
        rm -rf "$work/back"
    done
    varve fs create restored >/dev/null
    measure tree-restore-engine varve "$binaries/varve" --socket "$work/state/varved.sock" restore "tree:/" \
        --recovery-point "$(cat "$work/point-varve-tree")" --vault tree --to restored:/
    varve fs delete restored --yes >/dev/null 2>&1 || true
    path=$(cd "$work/tree" && find usr -type f -size +64k -size -256k | sort | sed -n 100p)
    [ -n "$path" ] || path=$(cd "$work/tree" && find usr -type f -size +4k | sort | sed -n 10p)
    for side in "${sides[@]}"; do
        restore one-file "$side" tree "$work/back" "$path"
        rm -rf "$work/back"
    done
    for side in "${sides[@]}"; do verify tree-verify "$side" tree; done
}

bench_image() {
    local side before offset
    mkdir "$work/image"
    data image "$work/image/image" "$image_mib" 7
    import image
    for side in "${sides[@]}"; do
        make_repository "$side" image
        back_up image-first "$side" image
        record_size image-size "$side" "$(stored "$side" image)"
    done
    mkdir "$work/blocks"
    data scatter "$work/image/image" "$image_mib" "$scattered" 8
    data scattered "$work/blocks" "$image_mib" "$scattered" 8
    for offset in $(ls "$work/blocks"); do varve put "$work/blocks/$offset" image:/image --offset "$offset" >/dev/null; done
    for side in "${sides[@]}"; do
        before=$(stored "$side" image)
        back_up image-scattered "$side" image
        record_size image-growth "$side" $(($(stored "$side" image) - before))
    done
    record_size image-growth written $((scattered * 4096))
    for side in "${sides[@]}"; do
        restore image-restore "$side" image "$work/back"
        if [ "$side" = varve ]; then same "$work/image" "$work/back/all"; else same "$work/image" "$work/back"; fi
        rm -rf "$work/back"
    done
    for side in "${sides[@]}"; do verify image-verify "$side" image; done
    rm -rf "$work/image" "$work/blocks"
}

bench_files() {
    local count set side
    for count in "${counts[@]}"; do
        set=files$count
        mkdir "$work/$set"
        data files "$work/$set" "$count" 9
        import "$set"
        for side in "${sides[@]}"; do
            make_repository "$side" "$set"
            back_up "$set-first" "$side" "$set"
            back_up "$set-unchanged" "$side" "$set"
        done
        change "$set" 100 0
        for side in "${sides[@]}"; do back_up "$set-one-percent" "$side" "$set"; done
        rm -rf "${work:?}/$set"
    done
}

bench_points() {
    local side round
    [ -d "$work/tree" ] || { make_tree && import tree && for side in "${sides[@]}"; do make_repository "$side" tree; done; }
    for round in $(seq "$points"); do
        change tree 1000 "$round"
        for side in "${sides[@]}"; do
            back_up tree-points "$side" tree
            [ $((round % 2)) = 0 ] || { cat "$work/point-$side-tree" && echo; } >>"$work/odd-$side"
        done
    done
    for side in "${sides[@]}"; do
        # shellcheck disable=SC2046
        delete_points delete-half "$side" tree $(cat "$work/odd-$side")
        record_size delete-size "$side" "$(stored "$side" tree)"
    done
}

say_versions() {
    local commit processor
    commit=$(git -C "$root" describe --always --dirty 2>/dev/null) || commit='no commit'
    processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
    echo "varved $("$binaries/varved" --version), $commit: encrypted, zstd"
    echo "$(restic version | cut -d' ' -f1-2): repository version 2, --compression auto (zstd)"
    echo "$(borg --version): repokey, --compression zstd (level 3)"
    echo "$(date -u +%FT%RZ), Linux $(uname -r), $(nproc) processors (${processor:-of unknown make})," \
        "$(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)"
}

cc -O2 -Wall -Wextra -Werror -o "$work/backup-data" "$here/backup-peers/data.c"
: >"$work/results"
say_versions
start_varved
for test in tree image files points; do [[ ,$only, != *,$test,* ]] || "bench_$test"; done
echo
perl "$here/backup-peers/table.pl" "$work/results"
[ -z "$results" ] || cp "$work/results" "$results"
