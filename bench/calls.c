/*
 * Clients that make one-item calls, one after the other, each on its own connection and thread:
 *
 *     calls [--clients N] [--every MS] [--seconds S] [N]
 *
 * N calls by each client, or as many as fit into S seconds; --every: the next call begins MS milliseconds after the
 * one before began, or at once if that took longer. Prints {"s": seconds of all, "ns": [what each call took]}; with more
 * than 5 000 calls evenly picked ones of the sorted list.
 */
#include <getopt.h>
#include <procpool/client.h>
#include <pthread.h>
#include <string.h>

#include "bench/common.h"

#define PRINTED 5000

struct settings {
	size_t clients, n;
	int64_t every_ns, limit_ns;
	pthread_barrier_t ready;
};

struct client {
	struct settings *settings;
	pthread_t thread;
	int64_t *took_ns;
	size_t n, capacity;
};

static void note(struct client *client, int64_t ns) {
	if (client->n == client->capacity) {
		client->capacity = client->capacity ? 2 * client->capacity : 1024;
		client->took_ns = must_have(
			realloc(client->took_ns, client->capacity * sizeof(*client->took_ns)));
	}
	client->took_ns[client->n++] = ns;
}

static void wait_until(int64_t ns) {
	struct timespec until = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static void call(struct procpool *pool) {
	char *result;

	if (procpool_apply(pool, "square", "12", NULL, &result) != 0)
		die("apply: %s", procpool_last_error(pool)->message);
	if (strcmp(result, "144") != 0)
		die("12 squared is not %s", result);
	free(result);
}

static void *run(void *userdata) {
	struct client *client = userdata;
	const struct settings *settings = client->settings;
	struct procpool *pool = procpool_new(NULL);
	int64_t end, next;

	if (!pool || procpool_connect(pool) != 0)
		die("cannot connect: %s", pool ? procpool_last_error(pool)->message : "no memory");
	pthread_barrier_wait(&client->settings->ready);
	next = now_ns();
	end = next + settings->limit_ns;
	while (settings->n ? client->n < settings->n : now_ns() < end) {
		int64_t begin = now_ns();

		call(pool);
		note(client, now_ns() - begin);
		next += settings->every_ns;
		if (settings->every_ns && next > now_ns())
			wait_until(next);
		else
			next = now_ns();
	}
	procpool_free(pool);
	return NULL;
}

static int compare(const void *a, const void *b) {
	int64_t x = *(const int64_t *) a, y = *(const int64_t *) b;

	return (x > y) - (x < y);
}

/* Sorted; the ends of the list are always among those printed. */
static void print_times(int64_t *ns, size_t n) {
	size_t printed = n < PRINTED ? n : PRINTED;

	qsort(ns, n, sizeof(*ns), compare);
	for (size_t i = 0; i < printed; i++)
		printf("%s%lld", i > 0 ? "," : "",
		       (long long) ns[printed > 1 ? i * (n - 1) / (printed - 1) : 0]);
}

static void start(struct client *clients, struct settings *settings) {
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 128 * 1024);
	pthread_barrier_init(&settings->ready, NULL, (unsigned) settings->clients + 1);
	for (size_t i = 0; i < settings->clients; i++) {
		clients[i].settings = settings;
		if (pthread_create(&clients[i].thread, &attributes, run, &clients[i]) != 0)
			die("cannot start thread %zu", i);
	}
	pthread_attr_destroy(&attributes);
	pthread_barrier_wait(&settings->ready);
}

static void read_options(struct settings *settings, int argc, char **argv) {
	static const struct option options[] = {
		{"clients", required_argument, NULL, 'c'},
		{"every", required_argument, NULL, 'e'},
		{"seconds", required_argument, NULL, 's'},
		{NULL, 0, NULL, 0},
	};
	int key;

	while ((key = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (key) {
		case 'c': settings->clients = strtoul(optarg, NULL, 10); break;
		case 'e': settings->every_ns = (int64_t) (strtod(optarg, NULL) * 1e6); break;
		case 's': settings->limit_ns = (int64_t) (strtod(optarg, NULL) * 1e9); break;
		default: exit(2);
		}
	}
	if (optind < argc)
		settings->n = strtoul(argv[optind], NULL, 10);
	if (!settings->n && !settings->limit_ns)
		die("usage: calls [--clients N] [--every MS] [--seconds S] [N]");
}

int main(int argc, char **argv) {
	struct settings settings = {.clients = 1};
	struct client *clients;
	int64_t begin, *ns = NULL;
	size_t n = 0;
	double seconds;

	read_options(&settings, argc, argv);
	clients = must_have(calloc(settings.clients, sizeof(*clients)));
	start(clients, &settings);
	begin = now_ns();
	for (size_t i = 0; i < settings.clients; i++)
		pthread_join(clients[i].thread, NULL);
	seconds = seconds_since(begin);
	for (size_t i = 0; i < settings.clients; i++) {
		ns = must_have(realloc(ns, (n + clients[i].n + 1) * sizeof(*ns)));
		memcpy(ns + n, clients[i].took_ns, clients[i].n * sizeof(*ns));
		n += clients[i].n;
		free(clients[i].took_ns);
	}
	printf("{\"s\": %.9f, \"n\": %zu, \"ns\": [", seconds, n);
	print_times(ns, n);
	puts("]}");
	free(ns);
	free(clients);
	return 0;
}
