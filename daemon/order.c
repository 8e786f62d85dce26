#include "daemon/order.h"

#include <stdio.h>

#include "daemon/bytes.h"
#include "daemon/channel.h"
#include "daemon/commons.h"

static int write_forget(struct channel *channel, uint64_t id) {
	char message[48];
	int n = snprintf(message, sizeof message, "{\"forget\":%llu}", (unsigned long long) id);

	return channel_write(channel, message, (size_t) n + 1);
}

static int write_common(const struct order *order, struct channel *channel) {
	char head[48];
	int n = snprintf(head, sizeof head,
			 "{\"common\":%llu,\"value\":", (unsigned long long) order->common);
	int r = channel_write(channel, head, (size_t) n);

	if (r == 0)
		r = channel_write_bytes(channel, order->common_bytes, order->common_span.begin,
					order->common_span.end);
	if (r == 0)
		r = channel_write(channel, "}", 2);
	return r;
}

static int provide_common(const struct order *order, struct channel *channel,
			  struct commons *commons) {
	const struct commons_plan plan =
		commons_use(commons, order->common, span_size(order->common_span));
	int r = 0;

	for (unsigned i = 0; r == 0 && i < plan.n_forget; i++)
		r = write_forget(channel, plan.forget[i]);
	return r == 0 && plan.send ? write_common(order, channel) : r;
}

int order_write(const struct order *order, struct channel *channel, struct commons *commons,
		uint64_t number, uint64_t first) {
	const struct work_chunk message = {
		.chunk = number,
		.function = (char *) order->function,
		.first = first,
		.common = order->common,
		.unpack = order->unpack,
		.times = order->times,
		.clock = order->clock,
		.stride = 1,
	};
	char buffer[WORK_CHUNK_MAX];
	int r = order->common ? provide_common(order, channel, commons) : 0;

	if (r == 0)
		r = channel_write(channel, buffer,
				  work_chunk_head(buffer, sizeof buffer, &message));
	if (r == 0)
		r = channel_write_bytes(channel, order->items, order->items_span.begin,
					order->items_span.end);
	if (r == 0)
		r = channel_write(channel, buffer,
				  work_chunk_tail(buffer, sizeof buffer, &message));
	return r;
}
