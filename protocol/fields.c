#include "protocol/fields.h"

#include <assert.h>
#include <string.h>

int fields_read(struct fields *ret, const struct document *doc, const char *text,
		const char *const *names, const char **ret_reason) {
	*ret = (struct fields) {0};

	for (size_t i = 0; i < doc->n_members; i++) {
		const struct member *member = &doc->members[i];
		size_t j = 0;

		while (names[j] && !member_is(member, text, names[j]))
			j++;
		assert(j < FIELDS_MAX);
		if (!names[j]) {
			*ret_reason = "unknown member";
			return 1;
		}
		if (ret->at[j]) {
			*ret_reason = "a member comes twice";
			return 1;
		}
		ret->at[j] = member;
	}
	return 0;
}

bool member_uint(const struct member *member, const char *text, uint64_t min, uint64_t max,
		 uint64_t *ret) {
	uint64_t value = 0;

	if (member->type != '0' || span_size(member->value) > 20)
		return false;
	for (uint32_t i = member->value.begin; i < member->value.end; i++) {
		unsigned digit = (unsigned) (unsigned char) text[i] - '0';

		if (digit > 9 || value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (value < min || value > max)
		return false;
	*ret = value;
	return true;
}

bool member_bool(const struct member *member, bool *ret) {
	if (member->type != 't' && member->type != 'f')
		return false;
	*ret = member->type == 't';
	return true;
}

bool unpack_parse(const char *name, enum unpack *ret) {
	for (enum unpack unpack = UNPACK_NONE; unpack <= UNPACK_BOTH; unpack++)
		if (strcmp(unpack_name(unpack), name) == 0) {
			*ret = unpack;
			return true;
		}
	return false;
}
