#pragma once

#include "daemon/conn.h"

/*
 * org.varlink.certification, offered strictly: each client asks Start, Test01 … Test11, End in this order, each with
 * what the call before returned and with the flag it is to have. Whatever differs is a CertificationError that says
 * what was wanted, and makes End() answer that not all was well.
 */

struct certification;

/* Returns NULL without memory. */
struct certification *certification_new(void);
/* Always returns NULL. */
struct certification *certification_free(struct certification *certification);

/* The interface; its context is the certification, which must outlive it. */
struct conn_interface certification_interface(struct certification *certification);

/* What GetInterfaceDescription returns. */
extern const char certification_description[];
