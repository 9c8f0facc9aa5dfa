# make-repository.pl COMMITS FILES: a history for git fast-import: FILES files in 20 folders, and COMMITS commits that change them.
use strict;
use warnings;

my ($commits, $files) = @ARGV;
srand(1);

sub text { my ($file, $version) = @_; join('', map { "file $file, version $version, line $_: " . int(rand(1e9)) . "\n" } 1 .. 5 + $file % 60) }
sub change {
    my ($file, $version) = @_;
    my $text = text($file, $version);
    # Some are executable.
    my $mode = $file % 50 == 7 ? '100755' : '100644';
    print "M $mode inline d" . $file % 20 . "/f$file\ndata " . length($text) . "\n$text\n";
}
for my $commit (1 .. $commits) {
    print "commit refs/heads/main\ncommitter Varve <varve\@localhost> " . (1_700_000_000 + $commit) . " +0000\n";
    my $message = "commit $commit";
    print "data " . length($message) . "\n$message\n";
    if ($commit == 1) {
        change($_, 1) for 0 .. $files - 1;
        print "M 120000 inline link\ndata 5\nd0/f0\n";
    } else {
        change(int rand $files, $commit) for 1 .. 3;
    }
}
print "done\n";
