#!/usr/bin/perl
# The reference of a public header, from its own comments: api.pl HEADER >PAGE.md, from the top of the tree. make keep-api writes the kept
# pages; tests/check-docs.sh compares them, so that they are never older than the headers.
#
# A comment stands before what it is about, up to the next blank line. One with nothing behind it is text of its own,
# and "---- title ----" begins a section.
use strict;
use warnings;

my ($name, $comment, $code, $depth, $on) = ('', '', '', 0, 0);
my @page;

# Marks names, and stars that Markdown would take for its own; lines set in by four blanks are code already.
sub text {
	my $text = shift;
	$text =~ s{^/\*+[ ]?}{};
	$text =~ s{[ ]*\*/\s*\z}{};
	$text =~ s{^[ ]\*[ ]?}{}mg;
	$text =~ s{^\s+|\s+\z}{}g;
	# What is said about a parameter, and about the result, is a paragraph of its own.
	$text =~ s{\n(?=\*?[a-z]\w*(?: \([^)\n]*\))?: |Returns )}{\n\n}g;
	return join "\n", map {
		s{(?<![`\w/<\$&])(\*?(?:procpool_\w+|PROCPOOL_\w+\*?|ret_\w+|[a-z]+_ms)(?:\(\))?)(?![`\w(])}{`$1`}g unless /^ {4}/;
		s{(?<!`)(\*)(?=\w)}{\\$1}g unless /^ {4}/;
		$_
	} split /\n/, $text;
}

# What a declaration is called.
sub title {
	my $code = shift;
	my @names = $code =~ /^(?!\s|typedef|#)[^\n({]*?\b(procpool_\w+)\(/mg;
	push @names, "$1 $2" if $code =~ /^(struct|enum) (procpool\w*)\s*[;{]/m;
	push @names, $1 if $code =~ /^typedef [^(]*\(\*(\w+)\)/m;
	push @names, $1 if $code =~ /^#define (\w+)/m;
	push @names, $1 if $code =~ /^extern [^;]*?(procpool_\w+)\s*(?:__attribute__|;)/m;
	push @names, 'Codes of failures' if !@names && $code =~ /^enum \{/m;
	return join ', ', map { /^[A-Z][a-z]/ ? $_ : "`$_`" } @names;
}

sub flush_block {
	if ($code ne '') {
		push @page, '### ' . title($code), "```c\n$code```";
		push @page, text($comment) if $comment ne '';
	} elsif ($comment =~ m{^/\* ---- (.*?) ----(.*)}s) {
		push @page, '## ' . ucfirst $1;
		my $rest = text("/*$2");
		push @page, $rest if $rest ne '';
	} elsif ($comment ne '') {
		push @page, text($comment);
	}
	($comment, $code) = ('', '');
}

my $in_comment = 0;
my $header = shift or die "which header?\n";
open(my $in, '<', $header) or die "$header: $!\n";
while (my $line = <$in>) {
	if (!$on) { # the guards and includes
		$on = 1 if $line =~ /^#endif/;
		next;
	}
	last if $line =~ /^#ifdef __cplusplus/;
	if ($in_comment || ($depth == 0 && $code eq '' && $line =~ m{^/\*})) {
		$comment .= $line;
		$in_comment = $line !~ m{\*/\s*$};
	} elsif ($line =~ /^\s*$/ && $depth == 0) {
		flush_block();
	} else {
		$code .= $line;
		$depth += ($line =~ tr/{//) - ($line =~ tr/}//);
	}
}
flush_block();
my ($include) = $header =~ m{include/(.*)};
print join("\n\n", "# <$include>", "From the comments of [the header](../../$header), by docs/api.pl: change them there.", @page), "\n";
