"""Groups that are read from the cluster's catalogue."""

import json

from questions import ask
from servers import Gate, http, wait_for


def test_groups_are_read_from_the_cluster(postgres, tmp_path):
    """[gate.catalog]: nothing is permitted before the first reading, and the groups at hand stay while the cluster refuses."""
    for sql in ["create user reader", "create user anna superuser", "create group analysts user anna", "alter user reader nologin"]:
        ask(postgres.port, sql, "postgres", "postgres")
    rules = tmp_path / "rules.cedar"
    rules.write_text(
        '@id("all") permit (principal, action, resource);\n'
        '@id("no-analysts") forbid (principal in Rolegate::Group::"analysts", action, resource);\n'
    )
    copy = "copy t from 's3://b/x' iam_role 'arn:aws:iam::123456789012:role/RoleA'"
    server = Gate(
        tmp_path / "gate",
        postgres.port,
        extra=f'[policy]\nrules = ["{rules}"]',
        gate_extra='catalog = { user = "reader", database = "postgres", refresh = "200ms" }',
    )

    def code(user):
        messages = [message.fields() for message in ask(server.port, copy, user, "postgres") if message.kind == "E"]
        return messages[0]["M"][:5] if messages[0]["C"] == "42501" else "passed"

    def catalog():
        return json.loads(http(server.admin, "/api/v1/facts")[1])["catalogs"][0]

    assert (code("anna"), code("postgres")) == ("RG302", "RG302"), "nobody's groups are known"
    wait_for("the error", lambda: "reader" in (catalog()["last_error"] or ""))
    ask(postgres.port, "alter user reader login", "postgres", "postgres")
    wait_for("the groups", lambda: code("anna") == "RG301")
    assert code("postgres") == "passed" and catalog()["groups"] == 1
    ask(postgres.port, "alter user reader nologin; alter group analysts drop user anna", "postgres", "postgres")
    wait_for("the error", lambda: catalog()["last_error"])
    assert code("anna") == "RG301", "what was read stays in force"
    ask(postgres.port, "alter user reader login", "postgres", "postgres")
    wait_for("the change", lambda: code("anna") == "passed")
    assert 'rolegate_facts_fetches_total{result="ok",source="catalog"}' in server.metrics()
    assert server.stop() == 0
    ask(postgres.port, "drop group analysts", "postgres", "postgres")
