#!/usr/bin/env bash
# The main job, end to end, on real files: see ./x demo. Every due run comes from the clock, never by hand.
#
#   demo.sh [--small] [--keep] [--plant bit|nanosecond|xattr]
#
# --small   a few hundred files, for CI
# --keep    leaves the working directory and says where it is
# --plant   plants one difference before the last comparison: the demo must then fail (a test does this)
#
# Runs as root or as any user; as a user the trees have one owner and no devices, and what the user may not read
# must be left out, named, and told by exit code 3.
set -euo pipefail
export LC_ALL=C TZ=UTC
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
binaries=${VARVE_BINARIES:-$root/.build/release}
small=0 keep=0 plant=
while [ $# -gt 0 ]; do
    case "$1" in
        --small) small=1 ;;
        --keep) keep=1 ;;
        --plant) plant=${2:?--plant needs bit, nanosecond or xattr}; shift ;;
        *) echo "demo.sh: no option '$1'" >&2; exit 64 ;;
    esac
    shift
done

work=$(mktemp -d "${TMPDIR:-/tmp}/varve-demo.XXXXXX")
state=$work/state
daemon=
finish() {
    local status=$?
    if [ -n "$daemon" ]; then kill "$daemon" 2>/dev/null || true; wait "$daemon" 2>/dev/null || true; fi
    if [ "$status" != 0 ]; then
        echo "demo: failed; the daemon's last words:" >&2
        tail -n 20 "$work/varved.log" >&2 2>/dev/null || true
    fi
    if [ "$keep" = 1 ]; then echo "demo: kept in $work" >&2; else chmod -R u+rwX "$work" && rm -rf "$work"; fi
    exit "$status"
}
trap finish EXIT

varve() { "$binaries/varve" --socket "$state/varved.sock" "$@"; }
step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
since() { awk -v a="$1" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f s", b - a }'; }
mark() { date +%s.%N; }
bytes() { numfmt --to=iec-i --suffix=B "$1"; }
occupied() { du -sB1 "$@" 2>/dev/null | awk '{ total += $1 } END { print total + 0 }'; }
# What a Perl expression says of the JSON on standard input, as $json; Perl's JSON is not ours.
json() { perl -MJSON::PP -0777 -ne 'BEGIN { $expression = shift } $json = decode_json($_); print eval($expression) // die $@' "$1"; }
count_points() { varve backup list demo --json | json 'scalar @$json'; }

# --- The trees ---------------------------------------------------------------------------------------

# Copies directories of this machine to $1 until there are at least $2 files; a small one takes just $2.
copy_machine_tree() {
    local target=$1 wanted=$2 source list=$work/list
    mkdir -p "$target"
    : >"$list"
    for source in /usr/share/doc /usr/share/zoneinfo /usr/share/perl /usr/include /usr/share/man \
        /usr/share/mime /usr/lib/python3 /usr/share/locale /usr/lib /usr/share; do
        [ -d "$source" ] && [ "$(wc -l <"$list")" -lt "$wanted" ] || continue
        find "$source" -xdev \( -type f -o -type l \) -size -4M -not -name $'*\n*' >>"$list"
        sort -u -o "$list" "$list"
    done
    [ "$small" = 0 ] || { shuf --random-source=/dev/zero -n "$wanted" "$list" >"$list.few" && mv "$list.few" "$list"; }
    tar -C / --ignore-failed-read -cf - -T <(sed 's|^/||' "$list") 2>/dev/null | tar -C "$target" -xpf -
}

# --- Changes, made to the host copy by coreutils and to the file system by varve, with equal times ----

moment=1767225600 # Every change carries a time of its own, so that both sides can be told it.

equalise() { # PATH...: gives each path the same time on both sides
    local path
    moment=$((moment + 1))
    for path in "$@"; do
        touch -h -d "@$moment.123456789" "$host/$path"
        varve touch --modified "@$moment.123456789" "demo:/$path"
    done
}

change_one_percent() { # ROUND: edits, writes inside large files, renames, deletes, new files
    local round=$1 list=$work/changes path parent count
    count=$(($(find "$host" -type f | wc -l) / 100))
    (cd "$host" && find . -path ./odd -prune -o -type f -printf '%P\n') | grep -vF '\' |
        sort | shuf --random-source=<(yes "$round") -n "$count" >"$list"
    local number=0
    while IFS= read -r path <&3; do
        parent=$(dirname "$path")
        case $((number % 5)) in
            0) # an edit: other content
                { echo "edited in round $round"; head -c 1000 "$host/$path"; } >"$work/edit"
                cat "$work/edit" >"$host/$path"
                varve put "$work/edit" "demo:/$path"
                equalise "$path"
                ;;
            1) # a rename within the directory
                mv "$host/$path" "$host/$path.renamed-$round"
                varve mv "demo:/$path" "demo:/$path.renamed-$round"
                equalise "$parent"
                ;;
            2) # a deletion
                rm "$host/$path"
                varve rm "demo:/$path"
                equalise "$parent"
                ;;
            3) # a new file
                head -c $((number * 977 + 1)) "$work/noise" >"$host/$path.new-$round"
                varve put "$host/$path.new-$round" "demo:/$path.new-$round"
                chmod 644 "$host/$path.new-$round" && varve chmod 644 "demo:/$path.new-$round"
                equalise "$path.new-$round" "$parent"
                ;;
            4) # an append
                echo "appended in round $round" >"$work/edit"
                local size
                size=$(stat -c %s "$host/$path")
                cat "$work/edit" >>"$host/$path"
                varve put --offset "$size" "$work/edit" "demo:/$path"
                equalise "$path"
                ;;
        esac
        number=$((number + 1))
    done 3<"$list"
    # 4 KiB inside large files, without touching the rest.
    for path in odd/holes/large odd/holes/islands; do
        head -c 4096 "$work/noise" >"$work/edit"
        dd if="$work/edit" of="$host/$path" bs=4k seek=$((round * 37)) conv=notrunc status=none
        varve put --offset $((round * 37 * 4096)) "$work/edit" "demo:/$path"
        equalise "$path"
    done
    changed=$((number + 2))
}

plant_difference() { # DIR: changes one thing there that nobody should overlook
    case "$plant" in
        bit) perl -e 'open(my $f, "+<", $ARGV[0]) or die; read($f, my $b, 1); seek($f, 0, 0);
                print $f chr(ord($b) ^ 1)' "$1/odd/holes/large"
            touch -r "$host/odd/holes/large" "$1/odd/holes/large" ;;
        nanosecond) touch -d '2026-01-02 03:04:05.123456788 UTC' "$1/odd/times/nanosecond" ;;
        xattr) setfattr -n user.number-3 -v 'value 4' "$1/odd/xattrs/file" ;;
        '') ;;
        *) echo "demo.sh: --plant takes bit, nanosecond or xattr, not '$plant'" >&2; exit 64 ;;
    esac
}

same() { # WHAT A B
    if ! "$here/witness.sh" "$2" "$3"; then
        echo "demo: $1: NOT EQUAL" >&2
        exit 2
    fi
    equal+=("$1")
}

# --- 1. A file system, filled ----------------------------------------------------------------------------

began=$(mark)
host=$work/host
equal=()
head -c 8M /dev/urandom >"$work/noise"
step "A daemon on a throw-away state directory, its clock at 2026-03-01T00:00:00Z"
"$binaries/varved" init --state "$state" --key-file "$work/root.key" --simulated-clock 2026-03-01T00:00:00Z >/dev/null
"$binaries/varved" serve --state "$state" --nfs off --key-file "$work/root.key" --jobs "$root/Jobs" \
    --retention "$root/Retention" 2>"$work/varved.log" &
daemon=$!
for _ in $(seq 200); do [ -S "$state/varved.sock" ] && varve fs list >/dev/null 2>&1 && break; sleep 0.05; done
varve vault create main >/dev/null
varve fs create demo --tag backup=daily >/dev/null
varve job list

step "A tree of this machine, and beside it an odd one"
copy_machine_tree "$host" "$([ "$small" = 1 ] && echo 300 || echo 20000)"
"$here/plant-odd-tree.sh" "$host/odd"
files=$(find "$host" | wc -l)
size=$(du -sb "$host" | cut -f1)
echo "$files names, $(bytes "$size")"
start=$(mark)
varve import "$host" demo:/
import_time=$(since "$start")
echo "imported in $import_time"
varve export demo:/ "$work/exported"
same "import and export" "$host" "$work/exported"
rm -rf "$work/exported"

if [ "$(id -u)" != 0 ]; then
    step "What this user may not read is left out and named; the rest is there"
    mkdir -p "$work/locked/below"
    echo open >"$work/locked/below/open"
    echo closed >"$work/locked/closed" && chmod 000 "$work/locked/closed"
    varve fs create locked >/dev/null
    left=0
    varve import "$work/locked" locked:/ 2>"$work/left" || left=$?
    cat "$work/left"
    if [ "$left" != 3 ] || ! grep -q 'not done: closed: open' "$work/left"; then
        echo "demo: the import of a file that nobody may read ended with $left" >&2
        exit 2
    fi
    varve export locked:/ "$work/locked-exported"
    rm -f "$work/locked/closed"
    same "what may be read beside what may not" "$work/locked/below" "$work/locked-exported/below"
    varve fs delete locked --yes
fi

# --- 2. The nightly backup, and increments ----------------------------------------------------------------

step "The first night: the job becomes due and backs everything up"
cp -a "$host" "$work/first"
start=$(mark)
varve clock advance 1d >/dev/null
full_time=$(since "$start")
vault_full=$(occupied "$state/vaults/main")
varve backup list

step "1 % changes; the next nights back up the increments"
change_one_percent 1
start=$(mark)
varve clock advance 1d >/dev/null
increment_time=$(since "$start")
vault_increment=$(($(occupied "$state/vaults/main") - vault_full))
change_one_percent 2
varve clock advance 1d >/dev/null
varve backup list
varve export demo:/ "$work/exported"
same "the changed tree" "$host" "$work/exported"
rm -rf "$work/exported"
points_before=$(count_points)

# --- 3. Forty days: what nobody reads goes to IA, old recovery points expire ----------------------------------

hot=(odd/holes/islands)
while IFS= read -r path; do hot+=("$path"); done < <(cd "$host" && find . -path ./odd -prune -o -type f -size +16k -printf '%P\n' | grep -vF '\' | sort | head -n 5)
step "Forty days pass; a few files are read on the way, the others are not"
standard_before=$(occupied "$state"/zones/*/fs-*/standard)
for _ in 1 2 3 4; do
    varve clock advance 10d >/dev/null
    for path in "${hot[@]}"; do varve cat "demo:/$path" >/dev/null; done
done
standard_after=$(occupied "$state"/zones/*/fs-*/standard)
ia_after=$(occupied "$state"/zones/*/fs-*/ia)
varve lifecycle why "demo:/${hot[0]}"
varve lifecycle why "demo:/odd/holes/large"
points_after=$(count_points)
first_point=$(varve backup list demo --json | json '(sort { $a->{instant} cmp $b->{instant} } @$json)[0]{id}')
varve export demo:/ "$work/exported"
same "the tree after the move to IA" "$host" "$work/exported"
rm -rf "$work/exported"

# --- 4. Back in time --------------------------------------------------------------------------------------

step "A directory is deleted by mistake, and comes back by --at"
lost=odd/names
before_loss=$(varve clock show --json | json '$json->{now}')
varve clock advance 5s >/dev/null
varve rm -r "demo:/$lost"
varve clock advance 5s >/dev/null
if varve ls "demo:/$lost" >/dev/null 2>&1; then echo "demo: the directory is still there" >&2; exit 2; fi
varve restore "demo:/$lost" --at "$before_loss" --in-place
varve export "demo:/$lost" "$work/found"
same "the directory that came back" "$host/$lost" "$work/found"

step "The first recovery point, restored to a new file system and to a host directory"
start=$(mark)
varve restore demo:/ --recovery-point "$first_point" --to-new first-again
restore_time=$(since "$start")
varve export first-again:/ "$work/first-again"
varve restore demo:/ --recovery-point "$first_point" --to "$work/first-on-host"
plant_difference "$work/first-on-host"
same "the first recovery point in a new file system" "$work/first" "$work/first-again"
same "the first recovery point in a host directory" "$work/first" "$work/first-on-host"

step "Everything on disk is checked"
varve vault verify main --read-data
varve doctor

# --- The report -------------------------------------------------------------------------------------------

step "Report"
printf '%-44s %s\n' \
    "the tree" "$files names, $(bytes "$size")" \
    "import" "$import_time" \
    "first backup (full)" "$full_time, $(bytes "$vault_full") in the vault" \
    "second backup ($changed changes of $files names)" \
    "$increment_time, $(bytes "$vault_increment") more: $(awk -v a="$vault_increment" -v b="$vault_full" 'BEGIN { printf "%.1f %%", 100 * a / b }') of the full" \
    "recovery points after 42 days" "$points_after kept of $(varve job history nightly-backup --json | json 'scalar grep { $_->{outcome} eq "done" } @$json') taken; the first is kept" \
    "standard/ before and after" "$(bytes "$standard_before") and $(bytes "$standard_after")" \
    "ia/ gained" "$(bytes "$ia_after")" \
    "restore of the first to a new file system" "$restore_time" \
    "in all" "$(since "$began")"
echo "equal, by rsync, find, sha256sum, getfattr and lseek:"
printf '  %s\n' "${equal[@]}"
