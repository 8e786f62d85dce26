#pragma once

/* The text of io.procpool.varlink, as GetInterfaceDescription returns it. */
extern const char interface_description[];
