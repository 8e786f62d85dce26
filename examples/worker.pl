#!/usr/bin/perl
# A worker in Perl, the shortest way; written from docs/protocol.md, part 2, without its optional parts.
#
#     procpool --private --worker ./worker.pl map --strings rot13 'Uryyb, jbeyq!'
#     procpool --private --worker ./worker.pl map --common '{"per": 10}' divide 25 '"x"'
#
# A function takes the item and the common value; what it dies of is the error of its item.
use strict;
use warnings;
use B;
use IO::Handle;
use JSON::PP;

# Perl knows no difference between 1 and "1", but it remembers how a value was written.
sub is_number { my $flags = B::svref_2object(\$_[0])->FLAGS; $flags & (B::SVf_IOK | B::SVf_NOK) && !($flags & B::SVf_POK) }

my %functions = (
	rot13 => sub { my ($text) = @_; $text =~ tr/A-Za-z/N-ZA-Mn-za-m/; $text },
	divide => sub {
		my ($number, $common) = @_;
		is_number($_) or die "divide takes a number, and another as \"per\" in the common value\n" for $number, $common->{per};
		my $quotient = $number / $common->{per};
		abs($quotient) < 9**9**9 or die "the quotient is too large\n"; # Perl would print Inf: no JSON
		$quotient;
	},
);

# Two handles for the one socket: Perl's buffers are for one direction each.
open(my $in, '<&=', $ENV{PROCPOOL_WORKER_FD}) or die "PROCPOOL_WORKER_FD: $!\n";
open(my $out, '>&=', $ENV{PROCPOOL_WORKER_FD}) or die "PROCPOOL_WORKER_FD: $!\n";
my $json = JSON::PP->new->utf8->allow_nonref;

sub tell_daemon { print {$out} $json->encode($_[0]), "\0"; $out->flush }

tell_daemon({hello => {protocol => 1, runtime => 'perl', functions => [map { {name => $_} } sort keys %functions]}});
my %common;
local $/ = "\0";
while (defined(my $text = <$in>)) {
	chomp $text;
	my $message = $json->decode($text);
	if (exists $message->{value}) {
		$common{$message->{common}} = $message->{value};
	} elsif (exists $message->{forget}) {
		delete $common{$message->{forget}};
	} else {
		my (@results, @errors);
		my $common = defined $message->{common} ? $common{$message->{common}} : undef;
		for my $item (@{$message->{items}}) {
			my $result = eval { $functions{$message->{function}}->($item, $common) };
			push @errors, {offset => scalar @results, exception => 'Error', message => $@ =~ s/\n\z//r} if $@;
			push @results, $result;
		}
		tell_daemon({chunk => $message->{chunk}, results => \@results, errors => \@errors});
	}
}
