"""A changed policy: the next verdict is of the new one, on prepared statements and from the cache too; a bad one changes nothing."""

import signal

from guide import UNLOAD
from questions import samples, verdict
from servers import Demo, http, wait_for
from wire import SYNC, Wire, bind, execute, parse


def test_a_verdict_from_the_cache_is_a_fresh_one_after_every_reload(tmp_path):
    """Rules, facts, clusters, groups, severities and modes: after each change the next verdict is of the new policy."""
    server = Demo(tmp_path)
    data = tmp_path / "data"
    config, rules = data / "rolegate.toml", data / "rules" / "demo.cedar"
    account, cluster = data / "iam" / "210987654321.json", data / "clusters" / "demo.json"
    applied = 'rolegate_reloads_total{result="applied",what="config"}'

    def change(path, old, new):
        before = samples(http(server.admin, "/metrics")[1])[applied]
        text = path.read_text()
        assert old in text, f"{path} does not hold {old}"
        path.write_text(text.replace(old, new))
        server.process.send(signal.SIGHUP)
        wait_for("the reload", lambda: samples(http(server.admin, "/metrics")[1])[applied] > before)

    def judged(user="etl"):
        # Twice: the second answer comes from the cache.
        first, second = verdict(server.gate, UNLOAD, user), verdict(server.gate, UNLOAD, user)
        assert first == second
        return first

    assert judged() == ("forward", "")
    assert judged("analyst") == ("reject", "RG301")
    change(rules, 'principal in Rolegate::Group::"analysts"', 'principal in Rolegate::Group::"nobody"')
    assert judged("analyst") == ("forward", "")
    change(config, 'analysts = ["analyst"]', 'nobody = ["analyst"]')
    assert judged("analyst") == ("reject", "RG301")
    change(account, '"AWS": "arn:aws:iam::123456789012:role/RoleA"', '"AWS": "arn:aws:iam::123456789012:role/Other"')
    assert judged() == ("reject", "RG203")
    change(config, "[policy]\n", '[policy]\nmode = "shadow"\n')
    assert judged()[0] == "annotate"
    change(config, 'mode = "shadow"\n', "")
    assert judged() == ("reject", "RG203")
    change(config, 'RG207 = "annotate"', 'RG207 = "annotate"\nRG203 = "allow"')
    assert judged() == ("forward", "")
    change(cluster, '"ApplyStatus": "in-sync"', '"ApplyStatus": "removing"')
    assert judged() == ("reject", "RG201")
    assert server.stop() == 0


def test_a_bad_reload_changes_nothing(tmp_path):
    server = Demo(tmp_path)
    rules = tmp_path / "data" / "rules" / "demo.cedar"
    rules.write_text(rules.read_text() + "\n@id(\"broken\") forbid (principal, action, resource) when { resource.lenght > 1 };\n")
    server.process.send(signal.SIGHUP)
    refused = 'rolegate_reloads_total{result="refused",what="config"}'
    wait_for("the refusal", lambda: samples(http(server.admin, "/metrics")[1])[refused] > 0)
    assert "demo.cedar:" in server.process.output() and "lenght" in server.process.output()
    assert verdict(server.gate, UNLOAD) == ("forward", "")
    assert verdict(server.gate, UNLOAD, "analyst") == ("reject", "RG301")
    assert server.stop() == 0


def test_a_prepared_statement_is_judged_again_after_a_reload(tmp_path):
    server = Demo(tmp_path)
    rules = tmp_path / "data" / "rules" / "demo.cedar"
    with Wire(server.gate) as wire:
        wire.login("etl", "dev")
        wire.send(parse(UNLOAD, "u"), bind("u"), execute(), SYNC)
        assert [message.kind for message in wire.until_ready() if message.kind != "N"] == ["1", "2", "C", "Z"]
        rules.write_text(rules.read_text().replace('principal in Rolegate::Group::"analysts",', "principal,"))
        server.process.send(signal.SIGHUP)
        applied = 'rolegate_reloads_total{result="applied",what="config"}'
        wait_for("the reload", lambda: samples(http(server.admin, "/metrics")[1])[applied] > 0)
        wire.send(bind("u"), execute(), SYNC)
        error, ready = wire.until_ready()
        assert error.fields()["M"].startswith("RG301") and ready.body == b"I"
    assert server.stop() == 0
