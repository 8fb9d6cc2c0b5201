"""One question on a connection of its own, and what the metrics say."""

import re

from wire import Wire, query


def ask(port, sql, user="etl", database="dev"):
    """The messages of one simple query on a connection of its own."""
    with Wire(port) as wire:
        wire.login(user, database)
        wire.send(query(sql))
        return wire.until_ready()


def verdict(port, sql, user="etl"):
    """The code of the refusal or warning, or nothing."""
    for message in ask(port, sql, user):
        if message.kind in "EN":
            found = re.match(r"RG\d\d\d", message.fields()["M"])
            if found:
                return ("reject" if message.kind == "E" else "annotate", found[0])
    return ("forward", "")


def samples(text):
    """The samples of an exposition: (name with labels) -> value."""
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line and line[0] != "#"}
