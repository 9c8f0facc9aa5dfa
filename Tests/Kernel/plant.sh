#!/usr/bin/env bash
# plant.sh DIR COMMITS FILES TREE_FILES ENTRIES: makes on the host what the scenarios take.
#
# DIR/repository.git; DIR/tree and DIR/tree.tar: TREE_FILES real files of this machine and some odd ones; DIR/many: ENTRIES empty files;
# DIR/mapping: the program of mapping.c.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
cd "$1"

git init -q --bare -b main repository.git
perl "$here/make-repository.pl" "$2" "$3" | git -C repository.git fast-import --quiet --done

"$here/../Demo/plant-odd-tree.sh" tree/odd
rm tree/odd/holes/nothing
find /usr/include /usr/share -xdev -type f -size -64k -not -name $'*\n*' 2>/dev/null | sort | awk -v n="$4" 'NR % 7 == 0 && ++k <= n' >list
[ "$(wc -l <list)" -ge 100 ]
split -n l/8 list part-
for part in part-*; do
    mkdir "tree/$part"
    tar -C / -cf - -T <(sed 's|^/||' "$part") | tar -C "tree/$part" -xpf -
done
tar -C tree --format=posix --sort=name -cf tree.tar .

mkdir many
(cd many && seq -f 'stays-%.0f' 1 "$5" | xargs touch)

cc -O2 -Wall -Wextra -Werror -o mapping "$here/mapping.c"
