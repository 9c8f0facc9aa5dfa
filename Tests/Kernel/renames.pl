# renames.pl DIR DIR DIR COUNT: one directory on three mounts. Ends with 1 at the first surprise.
use strict;
use warnings;
use Errno;

my ($first, $second, $third, $count) = @ARGV;
$| = 1;

# A file's content says which it is, 100 times: a torn or mixed one shows.
sub content { my ($who, $number) = @_; "$who $number\n" x 100 }

sub writer {
    my ($folder, $who) = @_;
    for my $number (1 .. $count) {
        my $new = "$folder/new-$who";
        open(my $file, '>', $new) or die "surprise: make $new: $!\n";
        print $file content($who, $number);
        close($file) or die "surprise: close $new: $!\n";
        rename($new, "$folder/target") or die "surprise: rename $new: $!\n";
        if ($ENV{STRIKE} && $who eq 'one' && $number == int($count / 2)) {
            print "-- kill -9 of the server\n";
            open(my $made, '>', $ENV{STRIKE}) or die $!;
        }
    }
    exit 0;
}

open(my $file, '>', "$first/target") or die $!;
print $file content('one', 0);
close($file) or die $!;
my %writers;
for (['one', $first], ['two', $second]) {
    my ($who, $folder) = @$_;
    my $process = fork() // die $!;
    writer($folder, $who) if $process == 0;
    $writers{$process} = $who;
}
my ($listings, $reads, $gone, $stale) = (0, 0, 0, 0);
while (%writers) {
    opendir(my $directory, $third) or die "surprise: list: $!\n";
    my @names = grep { !/^\.\.?$/ } readdir($directory);
    closedir($directory);
    my @found = grep { $_ eq 'target' } @names;
    @found == 1 or die "surprise: the target stands " . @found . " times among: @names\n";
    for (@names) { /^(target|new-one|new-two|\.nfs[0-9a-f]+)$/ or die "surprise: a name that nobody made: $_\n" }
    $listings++;
    my $target;
    unless (open($target, '<', "$third/target")) {
        # Linux looks the name up twice; replaced both times in between, it says that the file is gone (ESTALE), never that the name is.
        $!{ESTALE} or die "surprise: open: $!\n";
        $stale++;
        next;
    }
    local $/;
    my $text = <$target>;
    if (!defined($text) || $text eq '') {
        # Replaced by another mount between open and read, across a restart of the server: the file is gone (ESTALE), and only then.
        $gone++;
    } else {
        my ($who, $number) = $text =~ /^(one|two) (\d+)\n/ or die "surprise: read '" . substr($text, 0, 40) . "'\n";
        $text eq content($who, $number) or die "surprise: a torn file of $who $number\n";
        $reads++;
    }
    close($target);
} continue {
    while ((my $ended = waitpid(-1, 1)) > 0) {
        $? == 0 or die "surprise: a writer failed\n";
        delete $writers{$ended};
    }
}
$reads > $stale or die "surprise: $stale opens of $listings found nothing\n";
$gone <= ($ENV{STRIKE} ? 1 : 0) or die "surprise: $gone reads found nothing\n";
print "$listings listings, $reads reads, $stale too late, 2 x $count renames\n";
