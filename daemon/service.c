#include "daemon/service.h"

#include <string.h>

#include "protocol/parameters.h"

static void get_info(void *context, struct conn *conn, struct conn_call *call) {
	const struct service *service = context;
	json_t *names = json_array();
	struct error error = {0};

	for (size_t i = 0; i < service->n_interfaces; i++)
		json_array_append_new(names, json_string(service->interfaces[i].name));
	if (parameters_decode(NULL, 0, NULL, call->doc, call->text, &error) != 0) {
		json_decref(names);
		return conn_fail(conn, &error);
	}
	conn_reply(conn,
		   json_pack("{ss ss ss ss so}", "vendor", "procpool", "product", service->product,
			     "version", PACKAGE_VERSION, "url", "", "interfaces", names),
		   false);
}

const char service_description[] =
	"# What every Varlink service offers.\n"
	"interface org.varlink.service\n"
	"\n"
	"method GetInfo() -> (\n"
	"  vendor: string,\n"
	"  product: string,\n"
	"  version: string,\n"
	"  url: string,\n"
	"  interfaces: []string\n"
	")\n"
	"\n"
	"method GetInterfaceDescription(interface: string) -> (description: string)\n"
	"\n"
	"error InterfaceNotFound (interface: string)\n"
	"error MethodNotFound (method: string)\n"
	"error MethodNotImplemented (method: string)\n"
	"error InvalidParameter (parameter: string)\n"
	"error PermissionDenied ()\n"
	"error ExpectedMore ()\n"
	"error ExpectedUpgrade ()\n";

static void get_interface_description(void *context, struct conn *conn, struct conn_call *call) {
	static const struct parameter table[] = {{"interface", PARAMETER_STRING, true}};
	const struct service *service = context;
	struct error error = {0};
	const char *name, *text = NULL;
	json_t *value;

	if (parameters_decode(table, 1, &value, call->doc, call->text, &error) != 0)
		return conn_fail(conn, &error);
	name = json_string_value(value);
	for (size_t i = 0; i < service->n_interfaces; i++)
		if (strcmp(name, service->interfaces[i].name) == 0)
			text = service->interfaces[i].description;
	if (text) {
		conn_reply(conn, json_pack("{ss}", "description", text), false);
	} else {
		error_set(&error, ERROR_INTERFACE_NOT_FOUND, "{sO}", "interface", value);
		conn_fail(conn, &error);
	}
	json_decref(value);
}

const struct conn_method service_methods[] = {
	{.name = "GetInfo", .run = get_info},
	{.name = "GetInterfaceDescription", .run = get_interface_description},
	{.name = NULL},
};
