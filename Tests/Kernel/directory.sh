#!/usr/bin/env bash
# A directory of $ENTRIES names is listed $LISTINGS times while another mount adds, renames and removes others in it: each of the names
# that are there throughout appears in each listing, once.
. "$(dirname "$0")/scenario.sh"
attach a "$fresh"
attach b nosharecache
seq -f 'stays-%.0f' 1 "$ENTRIES" | LC_ALL=C sort >/tmp/stays
perl -e '
    use Errno;
    # What the old server did and the new one is asked to do once more (RFC 8881 2.10.6.5: a session that is not persistent).
    my $excuses = $ENV{KILL};
    sub excused { $_[1] && $excuses-- > 0 or die "surprise: $_[0]: $!\n" }
    my ($folder, $stop) = @ARGV;
    my ($number, $changes) = (0, 0);
    until (-e $stop) {
        $number++;
        symlink("x", "$folder/comes-$number") or excused("symlink", $!{EEXIST});
        if ($number > 20) {
            my ($old, $older) = ($number - 10, $number - 20);
            rename("$folder/comes-$old", "$folder/moves-$old") or excused("rename", $!{ENOENT});
            unlink("$folder/moves-$older") || $older <= 10 or excused("unlink", $!{ENOENT});
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
