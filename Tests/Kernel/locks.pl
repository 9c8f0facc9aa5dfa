# locks.pl FILE OTHER ROUNDS: FILE and OTHER are one file on two mounts. Prints what it did; ends with 1 at the first surprise.
#
# Workers, each a process with the file open, do as they are told over a pipe and answer `granted`, `denied` or what they found.
use strict;
use warnings;
use Fcntl qw(:flock :DEFAULT F_GETLK F_SETLK F_SETLKW F_RDLCK F_WRLCK F_UNLCK);
use IO::Handle;

my ($file, $other, $rounds) = @ARGV;
my %kinds = (sh => F_RDLCK, ex => F_WRLCK, un => F_UNLCK);
my %flocks = (sh => LOCK_SH, ex => LOCK_EX, un => LOCK_UN);

# struct flock of Linux on 64 bits: type, whence, four bytes of padding, start, length, process, four more.
sub range { my ($kind, $start, $length) = @_; pack('s s x4 q q l x4', $kinds{$kind}, 0, $start, $length) }

sub act {
    my ($handle, $verb, $kind, $start, $length) = @_;
    if ($verb eq 'flock') {
        return flock($handle, $flocks{$kind} | LOCK_NB) ? 'granted' : $!{EWOULDBLOCK} ? 'denied' : "error $!";
    }
    my $lock = range($kind, $start, $length);
    if ($verb eq 'test') {
        fcntl($handle, F_GETLK, $lock) or return "error $!";
        my ($type, undef, $first, $count) = unpack('s s x4 q q', $lock);
        return $type == F_UNLCK ? 'free' : ($type == F_WRLCK ? 'ex' : 'sh') . " $first $count";
    }
    return fcntl($handle, $verb eq 'wait' ? F_SETLKW : F_SETLK, $lock) ? 'granted'
        : $!{EAGAIN} || $!{EACCES} ? 'denied' : "error $!";
}

my %workers;
sub start {
    my ($name, $path) = @_;
    pipe(my $orders, my $tell) or die $!;
    pipe(my $hear, my $answers) or die $!;
    my $process = fork() // die $!;
    if ($process == 0) {
        close($_->{tell}) for values %workers;
        close($tell);
        $answers->autoflush;
        open(my $handle, '+<', $path) or die "$path: $!";
        while (my $order = <$orders>) {
            print $answers act($handle, split(' ', $order)), "\n";
        }
        exit 0;
    }
    close($orders);
    close($answers);
    $tell->autoflush;
    $workers{$name} = {tell => $tell, hear => $hear, process => $process};
}
sub order { my ($name, $order) = @_; print {$workers{$name}{tell}} "$order\n" }
sub answer { my ($name) = @_; my $line = readline($workers{$name}{hear}); chomp($line //= 'gone'); $line }
sub ask { my ($name, $order) = @_; order($name, $order); answer($name) }
sub end {
    my ($name, $signal) = @_;
    my $worker = delete $workers{$name};
    kill($signal, $worker->{process}) if $signal;
    close($worker->{tell});
    waitpid($worker->{process}, 0);
}
sub expect {
    my ($name, $order, $wanted) = @_;
    my $found = ask($name, $order);
    $found eq $wanted or die "surprise: $name: $order: wanted '$wanted', found '$found'\n";
}
# Soon: a process that is killed does not wait for the answer to its last unlock.
sub eventually {
    my ($name, $order) = @_;
    for (1 .. 200) {
        return if ask($name, $order) eq 'granted';
        select(undef, undef, undef, 0.05);
    }
    die "surprise: $name: $order: never granted\n";
}
sub strike {
    my $place = $ENV{STRIKE} or return;
    print "-- kill -9 of the server\n";
    open(my $made, '>', $place) or die $!;
    close($made);
    select(undef, undef, undef, 0.1) while -e $place;
}
$| = 1;

print "== shared and exclusive, ranges, upgrade and downgrade\n";
start('A', $file); start('B', $other); start('C', $file);
expect('A', 'set sh 0 100', 'granted');
expect('B', 'set sh 0 100', 'granted');
expect('A', 'set ex 0 100', 'denied');
expect('B', 'set un 0 100', 'granted');
expect('A', 'set ex 0 100', 'granted');
expect('B', 'set sh 50 10', 'denied');
expect('C', 'set sh 50 10', 'denied');
expect('B', 'test ex 0 0', 'ex 0 100');
expect('B', 'set ex 100 10', 'granted');
expect('A', 'set un 20 10', 'granted');
expect('B', 'set ex 20 10', 'granted');
expect('B', 'set ex 19 1', 'denied');
expect('A', 'test sh 20 1', 'ex 20 10');
expect('A', 'set sh 0 20', 'granted');
expect('B', 'set sh 0 20', 'granted');
expect('B', 'test ex 0 100', 'sh 0 20');

print "== a lock that waits\n";
order('C', 'wait ex 100 10');
expect('A', 'test ex 100 10', 'ex 100 10');
expect('B', 'set un 100 10', 'granted');
answer('C') eq 'granted' or die "surprise: the lock that waited was not granted\n";
expect('B', 'set sh 100 10', 'denied');

print "== locks survive the server\n";
strike();
expect('A', 'set ex 20 10', 'denied');
expect('B', 'set sh 100 10', 'denied');
expect('C', 'set ex 0 10', 'denied');
expect('B', 'set un 0 0', 'granted');
expect('A', 'set ex 20 10', 'granted');

print "== locks go with their process\n";
end('A');
expect('B', 'set ex 0 100', 'granted');
expect('B', 'set ex 0 0', 'denied');
end('C', 'KILL');
eventually('B', 'set ex 0 0');
expect('B', 'set un 0 0', 'granted');

print "== flock\n";
start('A', $file); start('C', $file);
expect('A', 'flock sh', 'granted');
expect('B', 'flock sh', 'granted');
expect('A', 'flock ex', 'denied');
expect('B', 'flock un', 'granted');
expect('A', 'flock ex', 'granted');
expect('B', 'flock sh', 'denied');
expect('C', 'flock sh', 'denied');
end('A', 'KILL');
eventually('B', 'flock ex');
expect('C', 'flock ex', 'denied');
expect('B', 'flock un', 'granted');
end($_) for sort keys %workers;

print "== $rounds random locks against a model\n";
my @names = ('A', 'B', 'C', 'D');
start($names[$_], $_ % 2 ? $other : $file) for 0 .. $#names;
# The model: who holds each of 64 bytes, and how.
my %held = map { $_ => [('') x 64] } @names;
my %seen;
srand($ENV{VARVE_SEED} // 1);
for my $round (1 .. $rounds) {
    my $name = $names[int rand @names];
    my $kind = ('sh', 'ex', 'ex', 'un', 'un')[int rand 5];
    my $start = int rand 64;
    my $length = 1 + int rand(64 - $start < 8 ? 64 - $start : 8);
    my $wanted = 'granted';
    for my $rival (grep { $_ ne $name } @names) {
        for my $byte ($start .. $start + $length - 1) {
            my $lock = $held{$rival}[$byte];
            $wanted = 'denied' if $kind ne 'un' && $lock && ($lock eq 'ex' || $kind eq 'ex');
        }
    }
    my $found = ask($name, "set $kind $start $length");
    $found eq $wanted or die "surprise: round $round: $name: $kind $start $length: wanted '$wanted', found '$found'\n";
    $seen{"$kind $found"}++;
    next if $found eq 'denied';
    $held{$name}[$_] = $kind eq 'un' ? '' : $kind for $start .. $start + $length - 1;
}
print join(', ', map { "$_: $seen{$_}" } sort keys %seen), "\n";
for ('ex denied', 'ex granted', 'sh denied', 'sh granted', 'un granted') { $seen{$_} or die "surprise: never $_\n" }
end($_) for sort keys %workers;
