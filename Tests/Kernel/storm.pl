# storm.pl FOLDER PROCESSES KILLS ROUNDS SIGNAL: processes make, link, rename and remove names of their own as fast as they can, while the
# server is killed KILLS times, each time in the middle of ROUNDS more rounds. No call may be answered with anything but success: each name is
# one process's own, so whoever hears ENOENT or EEXIST was asked to do once more what was done (RFC 8881 2.10.6.5).
use strict;
use warnings;
use Fcntl;

my ($folder, $processes, $kills, $rounds, $signal) = @ARGV;
$| = 1;

sub content { my ($who, $round) = @_; "$who $round\n" x 10 }

sub once {
    my ($who, $round) = @_;
    my $place = "$folder/$who-$round";
    mkdir($place) or die "surprise: mkdir $place: $!\n";
    # Its own mode lets nobody write it: only its maker's open does.
    sysopen(my $file, "$place/made", O_CREAT | O_EXCL | O_RDWR, 0444) or die "surprise: create $place/made: $!\n";
    print $file content($who, $round) or die "surprise: print $place/made: $!\n";
    close($file) or die "surprise: close $place/made: $!\n";
    link("$place/made", "$place/linked") or die "surprise: link $place/linked: $!\n";
    rename("$place/made", "$place/renamed") or die "surprise: rename $place/renamed: $!\n";
    symlink('renamed', "$place/symlink") or die "surprise: symlink $place/symlink: $!\n";
    unlink("$place/symlink") or die "surprise: unlink $place/symlink: $!\n";
    unlink("$place/linked") or die "surprise: unlink $place/linked: $!\n";
    return if $round % 10 == 0;
    unlink("$place/renamed") or die "surprise: unlink $place/renamed: $!\n";
    rmdir($place) or die "surprise: rmdir $place: $!\n";
}

pipe(my $done, my $tell) or die $!;
my %storms;
for my $who (1 .. $processes) {
    my $process = fork() // die $!;
    if ($process == 0) {
        close($done);
        for (my $round = 1; !-e '/tmp/storm-stop'; $round++) {
            once($who, $round);
            syswrite($tell, 'r') or die $!;
        }
        exit 0;
    }
    $storms{$process} = $who;
}
close($tell);

sub wait_for {
    my ($left) = @_;
    while ($left > 0) {
        my $read = sysread($done, my $told, $left) // die $!;
        $read > 0 or die "surprise: every process has ended\n";
        $left -= $read;
    }
}

for my $kill (1 .. $kills) {
    wait_for($rounds);
    print "-- kill -9 of the server\n";
    open(my $made, '>', $signal) or die $!;
    close($made);
    select(undef, undef, undef, 0.1) while -e $signal;
}
wait_for($rounds);
open(my $stop, '>', '/tmp/storm-stop') or die $!;
close($stop);
my $total = 0;
while (%storms) {
    my $ended = waitpid(-1, 0);
    $? == 0 or die "surprise: a process failed\n";
    delete $storms{$ended};
}
unlink('/tmp/storm-stop');
opendir(my $directory, $folder) or die $!;
for my $name (grep { !/^\.\.?$/ } readdir($directory)) {
    my ($who, $round) = $name =~ /^(\d+)-(\d+)$/ or die "surprise: $name\n";
    $round % 10 == 0 or die "surprise: $name is still there\n";
    open(my $file, '<', "$folder/$name/renamed") or die "surprise: open $name: $!\n";
    local $/;
    <$file> eq content($who, $round) or die "surprise: $name reads otherwise\n";
    $total++;
}
$total > 0 or die "surprise: nothing was kept\n";
print "$processes processes, $kills kills, $total files kept\n";
