#!/usr/bin/env bash
# witness.sh A B [MANIFEST...]: are two host directories equal in every respect that a file system owes, or in these manifests alone?
#
# Judged by programs that are not ours: rsync (content by checksum, owners, modes, times to the
# nanosecond, hard links, ACLs, xattrs), find, sha256sum, getfattr, and lseek's map of the holes.
# Prints each difference; exits 0 when there is none, 2 when there is one.
set -euo pipefail
export LC_ALL=C
left=${1:?usage: witness.sh A B [MANIFEST...]} right=${2:?usage: witness.sh A B [MANIFEST...]}
shift 2
manifests=(names contents attributes devices holes)
[ $# -eq 0 ] || manifests=("$@")
sees=-naHci
case " ${manifests[*]} " in *' attributes '*) sees=-naHAXci ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Kind, mode, owner, links, size, time and target of every name; a directory's size is its host's affair.
names() { (cd "$1" && find . -mindepth 1 \( -type d -printf '%y %m %U %G - - %T@ %P\0' \) -o \
    -printf '%y %m %U %G %n %s %T@ %P -> %l\0' | sort -z | tr '\0' '\n'); }
contents() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 -r sha256sum -z | tr '\0' '\n'); }
attributes() { (cd "$1" && find . -print0 | sort -z | xargs -0 -r getfattr -h -d -m - -e hex -- 2>/dev/null); }
devices() { (cd "$1" && find . \( -type b -o -type c \) -print0 | sort -z | xargs -0 -r stat -c '%n %t %T'); }
holes() {
    (cd "$1" && find . -type f -size +8k -print0 | sort -z | perl -0ne '
        chomp; my $path = $_; open(my $file, "<", $path) or die "$path: $!"; my $at = 0; my @runs;
        while (defined(my $data = sysseek($file, $at, 3))) {
            my $hole = sysseek($file, $data, 4); push @runs, ($data + 0) . "-" . ($hole + 0); $at = $hole;
        }
        print "$path @runs\n";')
}

differ=0
rsync "$sees" --delete --modify-window=-1 "$left/" "$right/" >"$work/rsync"
if [ -s "$work/rsync" ]; then
    echo "rsync sees differences between $left and $right:"
    head -n 20 "$work/rsync"
    differ=1
fi
for manifest in "${manifests[@]}"; do
    "$manifest" "$left" >"$work/left"
    "$manifest" "$right" >"$work/right"
    if ! cmp -s "$work/left" "$work/right"; then
        echo "the manifests of $manifest differ between $left and $right:"
        diff -a "$work/left" "$work/right" | head -n 20 || true
        differ=1
    fi
done
[ "$differ" = 0 ] || exit 2
