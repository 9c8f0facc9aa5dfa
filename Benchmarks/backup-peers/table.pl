#!/usr/bin/env perl
# table.pl RESULTS: the figures of backup-peers.sh as tables: time and memory, then sizes.
#
# A ratio is varve's to the better peer's, and of CPU also to restic's alone; less is better. A test that ran several
# times is shown with the median.
use strict;
use warnings;
use JSON::PP;

my (%timed, @timed, %sized, @sized);
while (<>) {
    my $figure = decode_json($_);
    my ($test, $side) = @{$figure}{qw(test side)};
    if (defined $figure->{bytes}) {
        push @sized, $test unless $sized{$test};
        $sized{$test}{$side} = $figure->{bytes};
    } else {
        push @timed, $test unless $timed{$test};
        push @{ $timed{$test}{$side} }, $figure;
    }
}
die "table.pl: no figures\n" unless @timed;

sub median { my @sorted = sort { $a <=> $b } @_; $sorted[@sorted / 2] }
sub least { my @known = sort { $a <=> $b } grep { defined } @_; $known[0] }
sub of { my ($test, $side, $what) = @_; $timed{$test}{$side} ? median(map { $_->{$what} } @{ $timed{$test}{$side} }) : undef }
sub ratio { my ($ours, $theirs) = @_; defined $ours && $theirs ? sprintf('%.3f', $ours / $theirs) : '-' }
sub shown { my ($format, $value) = @_; defined $value ? sprintf($format, $value) : '-' }

my $format = "%-24s %8s %8s %8s %7s   %8s %8s %8s %9s   %8s %6s %6s %6s\n";
printf $format, 'test', 'wall s', 'restic', 'borg', 'ratio', 'CPU s', 'restic', 'borg', 'to restic', 'peak MiB', 'grew', 'restic', 'borg';
for my $test (@timed) {
    my @wall = map { of($test, $_, 'wall') } qw(varve restic borg);
    my @cpu = map { of($test, $_, 'cpu') } qw(varve restic borg);
    my @peak = (of($test, 'varve', 'peakKiB'), of($test, 'varve', 'grownKiB'), map { of($test, $_, 'peakKiB') } qw(restic borg));
    printf $format, $test, (map { shown('%.2f', $_) } @wall), ratio($wall[0], least(@wall[1, 2])),
        (map { shown('%.2f', $_) } @cpu), ratio($cpu[0], $cpu[1]), map { shown('%.0f', defined $_ ? $_ / 1024 : undef) } @peak;
}

print "\n";
printf "%-24s %14s %14s %14s %7s\n", 'bytes', 'varve', 'restic', 'borg', 'ratio';
for my $test (@sized) {
    my %bytes = %{ $sized{$test} };
    printf "%-24s %14s %14s %14s %7s\n", $test, (map { $_ // '-' } @bytes{qw(varve restic borg)}),
        ratio($bytes{varve}, least(@bytes{qw(restic borg)}));
    printf "%-24s %14s of the %s bytes written\n", '', ratio($bytes{varve}, $bytes{written}), $bytes{written} if $bytes{written};
}
