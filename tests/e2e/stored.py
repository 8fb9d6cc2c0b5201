"""What the cluster stores, as the API of a gate shows it."""

import json

from questions import ask
from servers import Gate, http, wait_for

A = "arn:aws:iam::123456789012:role/RoleA"
B = f"{A},arn:aws:iam::210987654321:role/RoleB"


# A job that is made loads what is there at once.
FILES = f"unload ('select * from venue') to 's3://companyb/x' iam_role '{B}'"


def run(port, sql, user="etl", database="dev"):
    """Runs statements that must not fail."""
    failed = [message.fields()["M"] for message in ask(port, sql, user, database) if message.kind == "E"]
    assert not failed, (sql, failed)


def reading(server) -> dict:
    """How reading the one gate's cluster goes."""
    [gate] = json.loads(http(server.admin, "/api/v1/catalog")[1])["gates"]
    return gate


def gaps(server) -> dict:
    """Why not everything is known, by view."""
    return {view["view"]: view["gap"] for view in reading(server)["views"] if view["gap"] is not None}


def objects(server) -> dict:
    """Objects by kind and name."""
    found, after = {}, 0
    while after is not None:
        page = json.loads(http(server.admin, f"/api/v1/catalog?limit=500&after={after}")[1])
        found |= {(one["kind"], one["name"]): one for one in page["items"]}
        after = page["next"]
    return found


def credentials(one) -> list:
    return [(role["kind"], ",".join(role["roles"])) for role in one["credentials"]]


def read_again(server):
    """Waits for a reading that began after this."""
    before = reading(server)["read_at"]
    wait_for("a reading", lambda: reading(server)["read_at"] not in (None, before))
    seen = reading(server)["read_at"]
    wait_for("another reading", lambda: reading(server)["read_at"] != seen)


def gate_before(port, folder, user="rolegate", database="dev", refresh="100ms", section="", **options) -> Gate:
    """A gate that has read what the cluster stores."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "password").write_text("demo\n")
    catalog = f'catalog = {{ user = "{user}", password_file = "{folder / "password"}", database = "{database}", refresh = "{refresh}" }}'
    server = Gate(folder, port, gate_extra=f"{section}\n{catalog}", **{"dialect": "redshift", **options})
    wait_for("the catalogue", lambda: reading(server)["read_at"])
    return server
