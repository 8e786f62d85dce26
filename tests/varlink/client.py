"""A client of procpool that is made of the `varlink` package alone, as a stranger would write it.

client.py ADDRESS interfaces | describe INTERFACE | methods | status | info
client.py ADDRESS map [--more] FUNCTION      items on stdin and results on stdout, each a line of JSON
client.py ADDRESS apply FUNCTION ARGUMENT
client.py ADDRESS after-oneway FUNCTION ARGUMENT   a Map that wants no reply, then an Apply on the same connection

An error of the service is printed as its name and parameters, and the exit status is 1, as it is if an item failed.
"""

import json
import sys

import varlink


def show(value):
    print(json.dumps(value, separators=(",", ":"), ensure_ascii=False))


def put(results, errors, first):
    """Prints results as `procpool map` does. Returns whether all went well."""
    failed = {error["index"]: error for error in errors or []}
    for index, result in enumerate(results, first):
        show(result)
        if index in failed:
            error = failed[index]
            print(f"item {index}: {error['exception']}: {error['message']}", file=sys.stderr)
    return not failed


def map_items(pool, arguments):
    items = [json.loads(line) for line in sys.stdin]
    well = True
    if arguments[0] != "--more":
        reply = pool.Map(arguments[0], items)
        well = put(reply["results"], reply.get("errors"), 0)
        return well and reply["summary"]["items"] == len(items)
    expected = 0
    summary = None
    for reply in pool.Map(function=arguments[1], items=items, _more=True):
        assert summary is None, "a reply after the one with the summary"
        summary = reply.get("summary")
        if summary is None:
            assert reply["first"] == expected, "batches are consecutive"
            well &= put(reply["results"], reply.get("errors"), expected)
            expected += len(reply["results"])
    assert summary["items"] == expected == len(items), "the summary counts what came"
    return well


def after_oneway(pool, function, argument):
    assert pool.Map(function, [argument], _oneway=True) is None
    show(pool.Apply(function, argument)["result"])


def run(client, command, arguments):
    if command == "interfaces":
        print(" ".join(client.get_interfaces()))
    elif command == "info":
        client.get_interfaces()
        show(client.info)
    elif command == "describe":
        print(client.get_interface(arguments[0]).get_description(), end="")
    elif command == "methods":
        interface = client.get_interface("io.procpool")
        print(" ".join(name for name, member in interface.members.items()
                       if isinstance(member, varlink.scanner._Method)))
    else:
        with client.open("io.procpool") as pool:
            if command == "map":
                return map_items(pool, arguments)
            if command == "apply":
                # A null is left out by this package, and may be by others.
                show(pool.Apply(arguments[0], json.loads(arguments[1])).get("result"))
            elif command == "after-oneway":
                after_oneway(pool, arguments[0], json.loads(arguments[1]))
            elif command == "status":
                show(pool.Status(workers=True))
            else:
                raise SystemExit(__doc__)
    return True


def main():
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    try:
        well = run(varlink.Client(sys.argv[1]), sys.argv[2], sys.argv[3:])
    except varlink.VarlinkError as error:
        print(error.error(), json.dumps(error.parameters()))
        well = False
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
