"""The guide's statements, good and bad, through the demo, with every client, plain and over TLS."""

import pytest
from clients import CLIENTS, run
from guide import COPY, EXTERNAL_FUNCTION, EXTERNAL_SCHEMA, REFUSALS, UNLOAD

WAYS = [(client, tls) for client in CLIENTS for tls in (False, True)]
NAMES = [f"{client}-{'tls' if tls else 'plain'}" for client, tls in WAYS]


@pytest.mark.parametrize(("client", "tls"), WAYS, ids=NAMES)
def test_good_chains_pass(demo, client, tls):
    count = "select count(*) from venue"
    statements = [count, UNLOAD, COPY, count, EXTERNAL_SCHEMA, EXTERNAL_FUNCTION]
    before, unload, copy, after, schema, function = run(client, demo.gate, "etl", tls, statements)
    for outcome in (before, unload, copy, after, schema, function):
        assert not outcome.refused, outcome
    assert int(after.rows[0][0]) == int(before.rows[0][0]) + 10
    files = list((demo.folder / "data" / "s3" / "companyb" / "redshift").glob("venue_pipe_*"))
    assert sum(len(path.read_text().splitlines()) for path in files) == 10


@pytest.fixture(scope="module")
def refusals(demo):
    """Outcomes by client, TLS and user, each connection made once."""
    known = {}

    def outcomes(client, tls, user):
        if (client, tls, user) not in known:
            mine = [refusal for refusal in REFUSALS if refusal.user == user]
            statements = []
            for refusal in mine:
                statements += [refusal.sql, "select 41 + 1"]
            results = run(client, demo.gate, user, tls, statements)
            known[client, tls, user] = dict(zip([refusal.name for refusal in mine], zip(results[::2], results[1::2])))
        return known[client, tls, user]

    return outcomes


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
@pytest.mark.parametrize(("client", "tls"), WAYS, ids=NAMES)
def test_bad_chains_are_refused(demo, refusals, client, tls, refusal):
    refused, after = refusals(client, tls, refusal.user)[refusal.name]
    assert refused.code == "42501", refused
    assert refusal.code in refused.message
    for word in refusal.says:
        assert word in refused.message
    assert after.rows == [["42"]], "the connection goes on working"
    received = demo.received()
    assert "41 + 1" in received
    assert refusal.name not in received, "the backend never sees a refused statement"
