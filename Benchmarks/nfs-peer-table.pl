#!/usr/bin/env perl
# nfs-peer-table.pl RESULTS: the figures of nfs-peer.sh as a table, a line for each test and number of clients.
#
# A figure is the median of the rounds with the smallest and the largest; a ratio is varved's to the peer's of the same
# round, and its median and spread are those of the rounds' ratios. CPU is the server's, in microseconds a unit.
use strict;
use warnings;
use JSON::PP;

my (%rounds, @order);
while (<>) {
    my $figure = decode_json($_);
    my $key = "$figure->{test} $figure->{clients}";
    push @order, $key unless $rounds{$key};
    $rounds{$key}{unit} = $figure->{unit};
    $rounds{$key}{$figure->{side}}[$figure->{round} - 1] = $figure;
}
die "nfs-peer-table.pl: no figures\n" unless @order;

sub median { my @sorted = sort { $a <=> $b } @_; $sorted[@sorted / 2] }

# A number in as many digits as tell something.
sub digits { my $value = shift; sprintf($value < 10 ? '%.2f' : $value < 100 ? '%.1f' : '%.0f', $value) }

sub spread {
    my @values = sort { $a <=> $b } @_;
    @values ? sprintf('%s (%s-%s)', map { digits($_) } median(@values), $values[0], $values[-1]) : '-';
}

sub cpu { my @values = map { $_->{cpuMicrosecondsPerUnit} } @_; @values ? digits(median(@values)) : '-' }

my $format = "%-9s %7s  %-7s %-26s %-26s %-18s %8s %8s\n";
printf $format, qw(test clients unit varved peer ratio), 'CPU us', 'peer us';
for my $key (@order) {
    my ($test, $clients) = split ' ', $key;
    my @ours = grep { defined } @{ $rounds{$key}{varved} // [] };
    my @peer = grep { defined } @{ $rounds{$key}{ganesha} // [] };
    my @ratios = @peer == @ours ? map { $ours[$_]{rate} / $peer[$_]{rate} } 0 .. $#ours : ();
    printf $format, $test, $clients, "$rounds{$key}{unit}/s", spread(map { $_->{rate} } @ours),
        spread(map { $_->{rate} } @peer), spread(@ratios), cpu(@ours), cpu(@peer);
}
