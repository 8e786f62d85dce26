#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <syslog.h>

/*
 * One entry of the journal: what happened, to whom, and as bytes in the journal's own protocol. Pure.
 */

/* What can happen: its name, its MESSAGE_ID, and how important it is unless the entry says otherwise. What the ids mean
 * to people is in systemd/procpool.catalog. An id is never used for anything else again. */
#define ENTRY_LIST(X) \
	X(DAEMON_READY, "7bb6affb577e431db644448a79f8dd1c", LOG_INFO) \
	X(DAEMON_STOPPING, "007d3da8977d4a72a1e5b944fe15166b", LOG_INFO) \
	X(DAEMON_STOPPED, "507318ded38b454d8d8753c977efff4e", LOG_INFO) \
	X(DAEMON_IDLE, "d7d08e08e58245eb9d234682e46e13d5", LOG_INFO) \
	X(POOL_CHANGED, "b3524cae18804264b156a4c91251219a", LOG_INFO) \
	X(POOL_FAILED, "a4ea2e477ee9425290a0a4893813d07e", LOG_ERR) \
	X(POOL_RECOVERED, "fbc3595b77bb4eaea85bd9f454189982", LOG_INFO) \
	X(WORKER_READY, "ae3bfd044bc2420994c3c5ccaccb98a0", LOG_DEBUG) \
	X(WORKER_CHANGED, "d8f31ab9119241239376622c97be6e01", LOG_DEBUG) \
	X(WORKER_NOT_STARTED, "89714f0546b1409889eda94c1147aa5d", LOG_WARNING) \
	X(WORKER_DIED, "c9460fb7b7ff444abf679fb2fd476cea", LOG_WARNING) \
	X(WORKER_VIOLATED, "7d9af4f5bd394c3fa4c877e301fcec11", LOG_WARNING) \
	X(WORKER_DUE, "89f2f43e6a304810a3d09bdc3744c19e", LOG_INFO) \
	X(WORKER_RETIRED, "80c7dec026454f8da28c96f79bef8be6", LOG_INFO) \
	X(WORKER_GONE, "856091af81bb4222ae991ee97845fb65", LOG_DEBUG) \
	X(RECYCLE_STORM, "7241b9cb68b5426eb6a48a1212acefa9", LOG_WARNING) \
	X(ITEM_SLOW, "7d4167af6cdf4ef6ad5a3c695f520dc1", LOG_INFO) \
	X(ITEM_TIMED_OUT, "6a78c07db7f947a4a97952e754062010", LOG_INFO) \
	X(REQUEST_FINISHED, "ab348d6b4b244a3eab8ed9a35a9bf888", LOG_DEBUG) \
	X(RELOADED, "720423f8551c43289147fa7cedbd2f5b", LOG_INFO) \
	X(RELOAD_DONE, "23fb37d5298e48c59d349213d7ae39c5", LOG_INFO) \
	X(RELOAD_FAILED, "191120e76fd44959bb1a1f84a71a0eae", LOG_ERR) \
	X(ADMINISTERED, "81c2459bef4e46e0805945c9bedc0bcc", LOG_INFO) \
	X(STUCK, "68c1a0f37e2640ee8be8cdbee82efb85", LOG_ERR) \
	X(SHORTAGE, "4bb4b65da22c4cc384c6f528a4916c4f", LOG_WARNING) \
	X(OUTPUT, "b39ae6a9f7264a1c80cd0ae60ad4f902", LOG_INFO) \
	X(OUTPUT_DROPPED, "b757507c1b8347bc89d946cbebad7674", LOG_WARNING) \
	X(LOG_DROPPED, "23b57051257d449aaf478777db3b2b91", LOG_WARNING)

enum entry_kind {
	ENTRY_NONE,
#define ENTRY_MEMBER(name, id, priority) ENTRY_##name,
	ENTRY_LIST(ENTRY_MEMBER)
#undef ENTRY_MEMBER
		ENTRY_KINDS
};

/* {true, 7}, or nothing: then the entry has no such field. */
struct entry_number {
	bool known;
	uint64_t value;
};

/* Members of struct entry_fields, and what they are called in the journal. */
#define ENTRY_TEXTS(X) \
	X(pool, "PROCPOOL_POOL") \
	X(function, "PROCPOOL_FUNCTION")
#define ENTRY_NUMBERS(X) \
	X(worker, "PROCPOOL_WORKER") \
	X(worker_pid, "PROCPOOL_WORKER_PID") \
	X(request, "PROCPOOL_REQUEST") \
	X(item, "PROCPOOL_ITEM") \
	X(client_uid, "PROCPOOL_CLIENT_UID") \
	X(exit_code, "PROCPOOL_EXIT_CODE") \
	X(signal, "PROCPOOL_SIGNAL") \
	X(wait_us, "PROCPOOL_WAIT_USEC") \
	X(run_us, "PROCPOOL_RUN_USEC")

/* Whom it is about. All of it may be left out. */
struct entry_fields {
#define ENTRY_MEMBER(name, field) const char *name;
	ENTRY_TEXTS(ENTRY_MEMBER)
#undef ENTRY_MEMBER
#define ENTRY_MEMBER(name, field) struct entry_number name;
	ENTRY_NUMBERS(ENTRY_MEMBER)
#undef ENTRY_MEMBER
};

struct entry {
	enum entry_kind kind; /* ENTRY_NONE: it has no MESSAGE_ID */
	int priority;
	const char *identifier; /* who says it, for people */
	const char *message;    /* any bytes, several lines too */
	size_t message_size;
	const struct entry_fields *fields;
};

/* Longer messages and other texts are cut at these, in bytes, not within a character. Then every entry fits a datagram. */
#define ENTRY_MESSAGE_MAX 4096
#define ENTRY_TEXT_MAX    256
#define ENTRY_SIZE_MAX    6144

/* Writes the entry to buffer. Returns how many bytes it has. Whatever the texts hold, they are values: none becomes a
 * field of its own. */
size_t entry_encode(const struct entry *entry, char buffer[ENTRY_SIZE_MAX]);

/* 32 hexadecimal digits; NULL for ENTRY_NONE. */
const char *entry_id(enum entry_kind kind);
/* LOG_ERR … LOG_DEBUG. */
int entry_priority(enum entry_kind kind);
