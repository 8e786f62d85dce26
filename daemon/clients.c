#include "daemon/clients.h"

#include <unistd.h>

#include "daemon/configuration.h"
#include "daemon/log.h"

void clients_set_limits(struct clients *clients, const struct configuration *configuration) {
	clients->limits = (struct intake_limits) {
		.call =
			{
				.message = configuration->limits.message,
				.envelope = configuration->limits.envelope,
				.items = configuration->limits.items,
				.item = configuration->limits.item,
			},
		.message_timeout = configuration->limits.message_timeout,
		.message_timeout_total = configuration->limits.message_timeout_total,
	};
}

void clients_init(struct clients *clients, const struct clients_setup *setup,
		  const struct configuration *configuration) {
	const size_t n = sizeof clients->interfaces / sizeof *clients->interfaces;

	*clients = (struct clients) {.private = setup->private};
	TAILQ_INIT(&clients->all);
	clients->service = (struct service) {
		.product = "procpoold",
		.interfaces = clients->interfaces,
		.n_interfaces = n,
	};
	clients->interfaces[0] = (struct conn_interface) {
		.name = SERVICE_NAME,
		.description = service_description,
		.methods = service_methods,
		.context = &clients->service,
	};
	clients->interfaces[1] = setup->api;
	clients->each = (struct conn_setup) {
		.loop = setup->loop,
		.interfaces = clients->interfaces,
		.n_interfaces = n,
		.limits = &clients->limits,
		.quota = setup->quota,
		.all = &clients->all,
		.closed = setup->closed,
		.context = setup->context,
	};
	clients_set_limits(clients, configuration);
}

void clients_done(struct clients *clients) {
	conn_free_all(&clients->all);
}

void clients_accept(struct clients *clients, int fd, const struct peer *peer) {
	if (clients->private && peer->uid != getuid()) {
		log_warning("pid %d of uid %u may not use a private daemon", peer->pid, peer->uid);
		close(fd);
	} else if (conn_new(&clients->each, fd, peer) < 0) {
		log_error("no memory for a connection");
		close(fd);
	}
}
