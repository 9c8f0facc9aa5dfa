#!/usr/bin/env bash
# A directory of $ENTRIES names is listed $LISTINGS times while another mount adds, renames and removes others in it: each of the names
# that are there throughout appears in each listing, once.
. "$(dirname "$0")/scenario.sh"
attach a "$fresh"
attach b nosharecache
seq -f 'stays-%.0f' 1 "$ENTRIES" | LC_ALL=C sort >/tmp/stays
perl -e '
    my ($folder, $stop) = @ARGV;
    my ($number, $changes) = (0, 0);
    until (-e $stop) {
        $number++;
        symlink("x", "$folder/comes-$number") or die "surprise: symlink: $!\n";
        if ($number > 20) {
            my ($old, $older) = ($number - 10, $number - 20);
            rename("$folder/comes-$old", "$folder/moves-$old") or die "surprise: rename: $!\n";
            unlink("$folder/moves-$older") || $older <= 10 or die "surprise: unlink: $!\n";
            open(my $started, ">", "/tmp/directory-started");
        }
        $changes++;
    }
    print "$changes changes\n";
    $changes > 20 or die "surprise: too few changes\n";
' b/directory /tmp/directory-stop &
changer=$!
until [ -e /tmp/directory-started ]; do pause 0.1; done
for ((listing = 1; listing <= LISTINGS; listing++)); do
    [ "$listing" != $((LISTINGS / 2 + 1)) ] || strike
    ls -fU a/directory >/tmp/listing
    grep '^stays-' /tmp/listing | LC_ALL=C sort >/tmp/listed
    cmp /tmp/stays /tmp/listed
    # Nor do those that come and go appear twice.
    [ -z "$(sort /tmp/listing | uniq -d)" ]
done
echo "$LISTINGS listings of $ENTRIES names and more"
: >/tmp/directory-stop
wait "$changer"
struck
rm -f /tmp/directory-stop /tmp/directory-started
umount b
umount a
