#include "daemon/notify.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

void notify_ready(void) {
	sd_notify(0, "READY=1");
}

void notify_extend(uint64_t us) {
	sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%" PRIu64, us);
}

void notify_stopping(void) {
	sd_notify(0, "STOPPING=1");
}

void notify_reloading(uint64_t now) {
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, now);
}

void notify_status(const char *line) {
	sd_notifyf(0, "STATUS=%s", line);
}

void notify_watchdog(void) {
	sd_notify(0, "WATCHDOG=1");
}

uint64_t notify_watchdog_period(void) {
	uint64_t us = 0;

	return sd_watchdog_enabled(0, &us) > 0 ? us : 0;
}
