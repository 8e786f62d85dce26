#!/usr/bin/perl
# The source of a manual page for scdoc: man.pl PAGE.scd NAME=VALUE… >PAGE, from the top of the tree.
#
# A page is scdoc's text. @NAME@ in it stands for the VALUE, and a line of its own may be
#
#     @keys SECTION@    the keys of that section, from daemon/procpool.conf.example
#     @api HEADER@      the reference of a public header, as docs/api.pl reads it from the comments
#     @markdown FILE@   a document of docs/, without its title
#
# so that nothing that is written down elsewhere is written down again, and grows old.
use strict;
use warnings;

my $page = shift or die "which page?\n";
my %values = map { /^(\w+)=(.*)$/s ? ($1 => $2) : die "$_: not NAME=VALUE\n" } @ARGV;

sub lines_of {
	my $file = shift;
	open(my $in, '<', $file) or die "$file: $!\n";
	my @lines = <$in>;
	chomp @lines;
	return @lines;
}

# ---- scdoc ----

# Text in which nothing is markup.
sub plain {
	my $text = shift;
	$text =~ s/([\\*#\[~`])/\\$1/g;
	$text =~ s/(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/\\_/g;
	$text =~ s/\+$/\\+/;
	return $text;
}

# A span that is set off. In scdoc no escape is needed within it but for its own mark.
sub bold {
	my $text = shift;
	return $text eq '' ? '' : '*' . plain($text) . '*';
}

# ---- keys of the configuration ----

# "key = value" by itself is a default; after "# " it has none, and the value is an example.
sub keys_of {
	my $section = shift;
	my ($inside, @comment, @names, @out);
	my $end = sub {
		push @out, join("++\n", @names), map({ "\t" . inline($_) } @comment), '' if @names;
		@comment = @names = ();
	};
	for (lines_of('daemon/procpool.conf.example')) {
		$inside = 1, next if /^\Q$section\E\b.*\{$/;
		last if $inside && /^\}/;
		next unless $inside;
		s/^\s+//;
		if (/^(# )?(\w+) = (.*?)(?:\s{2,}# (.*))?$/) {
			my ($unset, $key, $value, $text) = ($1, $2, $3, $4);
			# The example shows where things are by default.
			$value =~ s{/usr/local/libexec/procpool}{$values{pkglibexecdir}};
			$value =~ s{/usr/local/lib/procpool/functions}{$values{functionsdir}};
			push @names, $unset ? "*$key* = " . plain($value) . ' (an example; not set)' : "*$key* = " . plain($value);
			if (defined $text) {
				@comment = ($text);
				$end->();
			}
		} elsif (/^# ?(.*)/) {
			$end->() if @names;
			push @comment, $1;
		}
	}
	$end->();
	die "daemon/procpool.conf.example: no section $section\n" unless @out;
	return @out;
}

# ---- Markdown, as our documents use it ----

sub inline {
	my $text = shift;
	my $out = '';
	$text =~ s/\[([^\]]*)\]\([^)]*\)/$1/g;
	while ($text =~ /\G(?:(`+)(.+?)\1|\*\*(.+?)\*\*|\\([*_])|([^`*\\]+|.))/gcs) {
		if (defined $2) { $out .= bold($2) }
		elsif (defined $3) { $out .= bold($3 =~ s/`//gr) }
		elsif (defined $4) { $out .= plain($4) }
		else { $out .= plain($5) }
	}
	return $out;
}

# A row becomes an entry: what its first cell names, then the others, each with the head of its column.
sub table {
	my @rows = map { s/^\|\s*|\s*\|$//gr } @_;
	my @split = map { [map { s/^\s+|\s+$//gr =~ s/\0/|/gr } split(/\|/, s/\\\|/\0/gr, -1)] } @rows;
	my @head = @{shift @split};
	shift @split; # |---|
	my @out;
	for my $cells (@split) {
		my ($name, @rest) = @$cells;
		push @out, inline($name);
		my @cells;
		for my $i (grep { $rest[$_] ne '' } 0 .. $#rest) {
			my $label = @rest > 1 && $head[$i + 1] ne '' ? '_' . plain($head[$i + 1]) . ':_ ' : '';
			push @cells, $label . inline($rest[$i]);
		}
		push @out, "\t" . join("++\n", @cells), '';
	}
	return @out;
}

# $up: by how many levels headings rise.
sub markdown {
	my ($up, @lines) = @_;
	my (@out, @paragraph, @table, @code, @item);
	my ($fence, $in_item) = (0, 0);
	my $end_item = sub {
		push @out, '- ' . inline(join ' ', @item), '' if @item;
		@item = ();
	};
	my $end = sub {
		push @out, inline(join ' ', @paragraph), '' if @paragraph;
		push @out, table(@table) if @table;
		pop @code while @code && $code[-1] eq '';
		push @out, '```', @code, '```', '' if @code;
		@paragraph = @table = @code = ();
		$end_item->();
	};
	for (@lines) {
		if ($fence || /^```/) {
			$end->(), $fence = 1, next if !$fence;
			$end->(), $fence = 0, next if /^```/;
			push @code, s/\t/        /gr;
			next;
		}
		s/^> ?//;
		if (/^ {4}(.*)/ && !@item) {
			$end->() unless @code;
			push @code, $1;
		} elsif (/^\s*$/) {
			if (@code) { push @code, ''; } else { $end->(); }
		} elsif (/^(#+) (.*)/) {
			my $level = length($1) - $up;
			my $title = $2 =~ s/`//gr;
			$end->();
			push @out, $level > 1 ? "## " . plain($title) : '# ' . uc plain($title), '';
		} elsif (/^\|/) {
			$end->() unless @table;
			push @table, $_;
		} elsif (/^\* (.*)/) {
			if (@item) { $end_item->() } else { $end->() }
			@item = ($1);
		} elsif (@item && /^ +(.*)/) {
			push @item, $1;
		} else {
			$end->() if @code || @table || @item;
			push @paragraph, $_;
		}
	}
	$end->();
	return @out;
}

sub reference {
	my $header = shift;
	open(my $in, '-|', 'docs/api.pl', $header) or die "docs/api.pl: $!\n";
	my @lines = <$in>;
	close($in) or die "docs/api.pl $header failed\n";
	chomp @lines;
	splice @lines, 0, 4; # its title, and where it comes from
	return markdown(1, @lines);
}

sub document {
	my @lines = lines_of(shift);
	shift @lines; # the title
	return markdown(1, @lines);
}

# A value is text, whatever it holds; in a literal block that is written as it stands.
sub value {
	my ($name, $literal) = @_;
	die "$page: no value for \@$name\@\n" unless exists $values{$name};
	return $literal ? $values{$name} : plain($values{$name});
}

my $literal = 0;
for my $line (lines_of($page)) {
	my @out = $line =~ /^\@keys (\w+)\@$/ ? keys_of($1)
		: $line =~ /^\@api (\S+)\@$/ ? reference($1)
		: $line =~ /^\@markdown (\S+)\@$/ ? document($1)
		: ($line =~ s/\@(\w+)\@/value($1, $literal)/ger);
	$literal = !$literal if $line =~ /^```/;
	print map { "$_\n" } @out;
}
