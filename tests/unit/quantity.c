#include "daemon/quantity.h"

#include <inttypes.h>

#include "tests/unit/unit.h"

#define REFUSED (UINT64_MAX - 1)

struct row {
	const char *text;
	uint64_t expected;
};

static void read_all(int (*read)(const char *, uint64_t *), const struct row *table, size_t n) {
	for (size_t i = 0; i < n; i++) {
		uint64_t value = REFUSED;
		int r = read(table[i].text, &value);

		cr_assert_eq(value, table[i].expected, "'%s' came to %" PRIu64, table[i].text,
			     value);
		cr_assert_eq(r, table[i].expected == REFUSED, "'%s' returned %d", table[i].text, r);
	}
}

#define READ_ALL(read, table) read_all(read, table, sizeof(table) / sizeof *(table))

UNIT_TEST(quantity, times_are_in_microseconds) {
	static const struct row table[] = {
		{"0", 0},
		{"5", 5000000},
		{"5s", 5000000},
		{"5 s", 5000000},
		{"5sec", 5000000},
		{"1.5s", 1500000},
		{"100ms", 100000},
		{"7us", 7},
		{"0.5us", 0},
		{"2m", 120000000},
		{"2min", 120000000},
		{"1h", 3600000000},
		{"1d", 86400000000},
		{"1min 30s", 90000000},
		{"1min30s", 90000000},
		{"1h 1min 1s 1ms 1us", 3661001001},
		{"5s ", 5000000},
		{"100000000d", 8640000000000000000},
		{"infinity", QUANTITY_INFINITY},
	};
	static const struct row refused[] = {
		{"", REFUSED},
		{" ", REFUSED},
		{"s", REFUSED},
		{"-1s", REFUSED},
		{"+1s", REFUSED},
		{".5s", REFUSED},
		{"5 parsecs", REFUSED},
		{"5S", REFUSED},
		{"5s,", REFUSED},
		{"1min -30s", REFUSED},
		{"Infinity", REFUSED},
		{"inf", REFUSED},
		{"infinitys", REFUSED},
		{"nan", REFUSED},
		{"0x10s", REFUSED},
		{"1e3s", REFUSED},
		{"1e400", REFUSED},
		{"0x1p3", REFUSED},
		{"1.2.3s", REFUSED},
		{"1000000000d", REFUSED},
		{"99999999999999999999999999", REFUSED},
	};

	READ_ALL(quantity_time, table);
	READ_ALL(quantity_time, refused);
}

UNIT_TEST(quantity, sizes_count_in_powers_of_1024) {
	static const struct row table[] = {
		{"0", 0},
		{"4096", 4096},
		{"1K", 1024},
		{"16M", 16777216},
		{"1.5G", 1610612736},
		{"2T", 2199023255552},
		{"1G 512M", 1610612736},
		{"16 M", 16777216},
		{"infinity", QUANTITY_INFINITY},
	};
	static const struct row refused[] = {
		{"", REFUSED},     {"M", REFUSED},  {"1k", REFUSED},       {"1KB", REFUSED},
		{"1KiB", REFUSED}, {"-1", REFUSED}, {"16M!", REFUSED},     {"0x10", REFUSED},
		{"1e6", REFUSED},  {"1P", REFUSED}, {"9000000T", REFUSED},
	};

	READ_ALL(quantity_size, table);
	READ_ALL(quantity_size, refused);
}

static int count_1_to_10(const char *text, uint64_t *ret) {
	return quantity_count(text, 1, 10, ret);
}

static int count_any(const char *text, uint64_t *ret) {
	return quantity_count(text, 0, UINT64_MAX, ret);
}

UNIT_TEST(quantity, counts_are_whole_numbers_within_their_bounds) {
	static const struct row small[] = {
		{"1", 1},          {"10", 10},       {"007", 7},
		{"0", REFUSED},    {"11", REFUSED},  {"", REFUSED},
		{" 1", REFUSED},   {"1 ", REFUSED},  {"-1", REFUSED},
		{"+1", REFUSED},   {"1.0", REFUSED}, {"0x1", REFUSED},
		{"auto", REFUSED}, {"1e1", REFUSED}, {"infinity", REFUSED},
	};
	static const struct row any[] = {
		{"0", 0},
		{"18446744073709551615", UINT64_MAX},
		{"18446744073709551616", REFUSED},
		{"99999999999999999999999999", REFUSED},
	};

	READ_ALL(count_1_to_10, small);
	READ_ALL(count_any, any);
}

UNIT_TEST(quantity, yes_and_no_have_four_spellings) {
	static const char *const yes[] = {"yes", "true", "on", "1", "YES", "True"};
	static const char *const no[] = {"no", "false", "off", "0", "No", "OFF"};
	static const char *const neither[] = {"", "y", "2", "yes ", "maybe", "01"};

	for (size_t i = 0; i < 6; i++) {
		bool value = false;

		cr_assert_eq(quantity_bool(yes[i], &value), 0);
		cr_assert(value, "%s", yes[i]);
		cr_assert_eq(quantity_bool(no[i], &value), 0);
		cr_assert_not(value, "%s", no[i]);
		value = true;
		cr_assert_eq(quantity_bool(neither[i], &value), 1, "%s", neither[i]);
		cr_assert(value, "it is left alone");
	}
}

UNIT_TEST(quantity, sizes_are_written_as_short_as_is_exact) {
	static const struct {
		uint64_t size;
		const char *text;
	} table[] = {
		{0, "0"},
		{1, "1"},
		{1000, "1000"},
		{1023, "1023"},
		{1024, "1K"},
		{1025, "1025"},
		{64 << 20, "64M"},
		{(64 << 20) + 1024, "65537K"},
		{UINT64_C(1) << 30, "1G"},
		{UINT64_C(3) << 40, "3T"},
		{UINT64_C(1) << 60, "1048576T"},
		{UINT64_MAX - 1, "18446744073709551614"},
		{UINT64_MAX, "infinity"},
	};
	char text[24];

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		uint64_t back;

		quantity_size_text(text, sizeof text, table[i].size);
		cr_assert_str_eq(text, table[i].text);
		if (table[i].size < UINT64_C(1) << 60) {
			cr_assert_eq(quantity_size(text, &back), 0);
			cr_assert_eq(back, table[i].size);
		}
	}
}
