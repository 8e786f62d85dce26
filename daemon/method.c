#include "daemon/method.h"

#include <string.h>

#include "protocol/call.h"
#include "protocol/error.h"

static const struct conn_interface *find_interface(const struct conn_interface *interfaces,
						   size_t n_interfaces, const char *name,
						   size_t length) {
	for (size_t i = 0; i < n_interfaces; i++)
		if (strlen(interfaces[i].name) == length &&
		    strncmp(interfaces[i].name, name, length) == 0)
			return &interfaces[i];
	return NULL;
}

static const struct conn_method *find_method(const struct conn_interface *interface,
					     const char *name) {
	for (const struct conn_method *method = interface->methods; method->name; method++)
		if (strcmp(method->name, name) == 0)
			return method;
	return NULL;
}

const struct conn_method *method_find(const struct conn_interface *interfaces, size_t n_interfaces,
				      const struct call *call, void **ret_context,
				      struct error *error) {
	const char *name = call->method, *dot = strrchr(name, '.');
	size_t length = dot ? (size_t) (dot - name) : 0;
	const struct conn_interface *interface =
		find_interface(interfaces, n_interfaces, name, length);
	const struct conn_method *method = interface ? find_method(interface, dot + 1) : NULL;

	if (!interface && length > 0)
		error_set(error, ERROR_INTERFACE_NOT_FOUND, "{ss%}", "interface", name, length);
	else if (!method)
		error_set(error, ERROR_METHOD_NOT_FOUND, "{ss}", "method", name);
	else if (!method->run)
		error_set(error, ERROR_METHOD_NOT_IMPLEMENTED, "{ss}", "method", name);
	else if (method->upgrade && !call->upgrade)
		error_set(error, ERROR_EXPECTED_UPGRADE, NULL);
	else if (!method->upgrade && call->upgrade)
		error_set(error, ERROR_INVALID_PARAMETER, "{ss}", "parameter", "upgrade");
	if (error->id != ERROR_NONE)
		return NULL;
	*ret_context = interface->context;
	return method;
}
