"""A reload happens when a file holds something else, once for each change, and never else."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from authority import Authority
from guide import A
from questions import ask, samples
from servers import BIN, ROOT, Gate, Process, http, wait_for

APPLIED = 'rolegate_reloads_total{result="applied",what="config"}'
UNCHANGED = 'rolegate_reloads_total{result="unchanged",what="config"}'
REFUSED = 'rolegate_reloads_total{result="refused",what="config"}'
GOOD = "rolegate_config_last_reload_successful"
HITS = 'rolegate_policy_cache_requests_total{result="hit"}'
COPY = f"copy t from 's3://b/x' iam_role '{A}'"

# Longer than it takes until files count as at rest, and than a reload of these takes.
AT_REST = 2.5

EXTRA = """
[policy]
rules = ["rules/*.cedar"]
[facts]
iam = ["iam/*.json"]
clusters = ["clusters/*.json"]
"""


def full_gate(folder: Path, upstream: int) -> Gate:
    """A gate with facts, rules, a certificate, and its audit beside its configuration."""
    folder.mkdir()
    for part in ["iam", "clusters"]:
        shutil.copytree(ROOT / "config" / "demo" / part, folder / part)
    (folder / "rules").mkdir()
    (folder / "rules" / "all.cedar").write_text('@id("all") permit (principal, action, resource);\n')
    tls = Authority(folder / "tls").gate_tls()
    return Gate(folder, upstream, extra=EXTRA, gate_extra=f'cluster = "demo"\n{tls}')


@pytest.fixture
def full(postgres, tmp_path):
    server = full_gate(tmp_path / "gate", postgres.port)
    # What was written just now is at rest before anything is counted.
    time.sleep(AT_REST)
    yield server
    assert server.stop() == 0


def count(server: Gate, sample: str) -> float:
    return samples(server.metrics())[sample]


def inputs(server: Gate):
    return [path for path in server.folder.rglob("*") if path.is_file() and path.name not in ("log", "audit.jsonl")]


def cpu_seconds(server: Gate) -> float:
    fields = Path(f"/proc/{server.process.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_nothing_happens_while_nothing_changes(full):
    """Ten quiet seconds; reading every file; touching every file; statements that are judged and recorded beside them."""
    for _ in range(2):
        ask(full.port, COPY, "postgres", "postgres")
    wait_for("both sessions to end", lambda: full.process.output().count("session closed") == 2)
    before, log, cpu = samples(full.metrics()), full.process.output(), cpu_seconds(full)
    time.sleep(10)
    assert cpu_seconds(full) - cpu < 0.2
    for path in inputs(full):
        path.read_bytes()
    time.sleep(AT_REST)
    for path in inputs(full):
        path.touch()
        # As the command touch does, and a save of what a file holds already.
        path.open("a").close()
    time.sleep(AT_REST)
    assert full.process.output() == log
    ask(full.port, COPY, "postgres", "postgres")
    after = samples(full.metrics())
    for sample in (APPLIED, UNCHANGED, REFUSED):
        assert (before[sample], after[sample]) == (0, 0)
    assert after[HITS] == before[HITS] + 1, "the cache was kept"
    assert full.audit.read_text().count('"statement":') == 3


def test_a_snapshot_that_is_taken_again_and_says_the_same_is_younger(full):
    for _ in range(2):
        ask(full.port, COPY, "postgres", "postgres")
    hits, snapshot = count(full, HITS), full.folder / "iam" / "123456789012.json"

    def age(account):
        accounts = json.loads(http(full.admin, "/api/v1/facts")[1])["accounts"]
        return next(shown["age_seconds"] for shown in accounts if shown["account"] == account)

    for file in (full.folder / "iam").iterdir():
        os.utime(file, (time.time() - 7200, time.time() - 7200))
    full.process.send(signal.SIGHUP)
    wait_for("old facts", lambda: age("123456789012") >= 7200)
    fresh = snapshot.with_suffix(".new")
    fresh.write_text(snapshot.read_text())
    fresh.rename(snapshot)
    wait_for("new ones", lambda: age("123456789012") < 60)
    assert age("210987654321") >= 7200
    ask(full.port, COPY, "postgres", "postgres")
    assert (count(full, APPLIED), count(full, HITS)) == (0, hits + 1)


def test_one_change_is_one_reload(full):
    """A save by rename, one by truncating and writing, a new file that fits a pattern, one that is gone, and a certificate."""

    def by_rename(path, text):
        fresh = path.with_suffix(".new")
        fresh.write_text(text)
        fresh.rename(path)

    def in_steps(path, text):
        with path.open("w") as file:
            for part in (text[: len(text) // 2], text[len(text) // 2 :]):
                file.write(part)
                file.flush()
                time.sleep(0.1)

    config, rules = full.config, full.folder / "rules" / "all.cedar"
    reader = full.folder / "rules" / "reader.cedar"
    key, certificate = full.folder / "tls" / "gate.example.key", full.folder / "tls" / "gate.example.crt"
    other = Authority(full.folder / "other").issue("gate.example", "127.0.0.1")
    changes = [
        ("policy.mode", lambda: by_rename(config, config.read_text().replace("[policy]", '[policy]\nmode = "shadow"'))),
        ("policy.mode", lambda: in_steps(config, config.read_text().replace('mode = "shadow"', 'mode = "enforce"'))),
        ("all.cedar", lambda: in_steps(rules, rules.read_text() + "// twice\n")),
        ("policy.rules", lambda: by_rename(reader, '@id("reader") permit (principal, action, resource);\n')),
        ("policy.rules", reader.unlink),
        ("gate.example.crt", lambda: [shutil.copy(new, old) for new, old in zip(other, (certificate, key), strict=True)]),
    ]
    for number, (name, change) in enumerate(changes, 1):
        change()
        wait_for(f"the reload of {name}", lambda number=number: count(full, APPLIED) == number)
        last = [line for line in full.process.output().splitlines() if "reloaded" in line][-1]
        assert name in last, last
    time.sleep(AT_REST)
    assert count(full, APPLIED) == len(changes)
    assert full.process.output().count("reloaded") == len(changes)


def test_a_mounted_volume_of_kubernetes_is_exchanged_once(postgres, tmp_path):
    """Every file is a link through `..data`, which is renamed over; the old folder is removed afterwards."""
    folder = tmp_path / "gate"
    folder.mkdir()
    server = Gate(tmp_path / "first", postgres.port)
    assert server.stop() == 0
    texts = {"rolegate.toml": server.config.read_text() + "\n", "all.cedar": '@id("all") permit (principal, action, resource);\n'}
    texts["rolegate.toml"] = '[policy]\nrules = ["*.cedar"]\n' + texts["rolegate.toml"].replace(str(server.audit), str(tmp_path / "audit"))

    def mount(version, texts):
        data = folder / f"..{version}"
        data.mkdir()
        for name, text in texts.items():
            (data / name).write_text(text)
        (folder / "..data_tmp").symlink_to(data.name)
        (folder / "..data_tmp").rename(folder / "..data")

    mount("1", texts)
    for name in texts:
        (folder / name).symlink_to(f"..data/{name}")

    class Mounted(Gate):
        def write(self):
            self.config = folder / "rolegate.toml"

    server = Mounted(tmp_path / "second", postgres.port, port=server.port, admin=server.admin)
    time.sleep(AT_REST)
    for version, comment in (("2", "two"), ("3", "three")):
        mount(version, texts | {"all.cedar": texts["all.cedar"] + f"// {comment}\n"})
        shutil.rmtree(folder / f"..{int(version) - 1}")
        wait_for("the reload", lambda version=version: count(server, APPLIED) == int(version) - 1)
    time.sleep(AT_REST)
    # The same content under another link is nothing new.
    mount("4", texts | {"all.cedar": texts["all.cedar"] + "// three\n"})
    time.sleep(AT_REST)
    assert (count(server, APPLIED), count(server, REFUSED)) == (2, 0)
    assert server.stop() == 0


def test_a_hangup_without_a_change_applies_nothing(full):
    for _ in range(2):
        ask(full.port, COPY, "postgres", "postgres")
    hits = count(full, HITS)
    full.process.send(signal.SIGHUP)
    wait_for("the answer", lambda: count(full, UNCHANGED) == 1)
    assert "nothing new" in full.process.output()
    ask(full.port, COPY, "postgres", "postgres")
    assert (count(full, APPLIED), count(full, HITS)) == (0, hits + 1)


def test_a_broken_file_is_reported_once_and_mended_silently(full):
    config, good = full.config, full.config.read_text()
    config.write_text(good + "\n[polic]\n")
    wait_for("the refusal", lambda: count(full, REFUSED) == 1)
    assert count(full, GOOD) == 0
    for _ in range(3):
        config.write_text(good + "\n[polic]\n")
        time.sleep(0.8)
    time.sleep(AT_REST)
    assert count(full, REFUSED) == 1 and full.process.output().count("reload refused") == 1
    config.write_text(good + "\n[lo]\n")
    wait_for("another refusal", lambda: count(full, REFUSED) == 2)
    config.write_text(good)
    wait_for("the end of it", lambda: count(full, GOOD) == 1)
    assert count(full, APPLIED) == 0 and "the files are good again" in full.process.output()
    told = [record["result"] for record in full.records("reload")]
    assert told == ["refused", "refused", "mended"], "the audit closes what it opened"
    # The same with a file that the configuration names.
    rules = full.folder / "rules" / "all.cedar"
    text = rules.read_text()
    rules.write_text("permit (")
    wait_for("the third refusal", lambda: count(full, REFUSED) == 3)
    rules.open("a").close()
    time.sleep(AT_REST)
    assert count(full, REFUSED) == 3
    rules.write_text(text)
    wait_for("the end of it", lambda: count(full, GOOD) == 1)
    assert count(full, APPLIED) == 0


def test_folders_that_a_reload_names_are_watched_too(full):
    elsewhere = full.folder.parent / "elsewhere"
    elsewhere.mkdir()
    rules = elsewhere / "more.cedar"
    rules.write_text('@id("more") permit (principal, action, resource);\n')
    full.config.write_text(full.config.read_text().replace('["rules/*.cedar"]', f'["{elsewhere}/*.cedar"]'))
    wait_for("the reload", lambda: count(full, APPLIED) == 1)
    rules.write_text(rules.read_text() + "// more\n")
    wait_for("the reload of the new folder", lambda: count(full, APPLIED) == 2)
    (full.folder / "rules" / "all.cedar").write_text("not watched any more")
    time.sleep(AT_REST)
    assert (count(full, APPLIED), count(full, REFUSED)) == (2, 0)
    # A folder that is replaced as a whole is another one of the same name.
    elsewhere.rename(elsewhere.with_name("old"))
    elsewhere.mkdir()
    rules.write_text('@id("other") permit (principal, action, resource);\n')
    wait_for("the reload of the replaced folder", lambda: count(full, APPLIED) == 3)
    rules.write_text(rules.read_text() + "// more\n")
    wait_for("a reload in it", lambda: count(full, APPLIED) == 4)


def large_gate(folder: Path, upstream: int) -> Gate:
    """A gate whose facts take seconds to load; only its admin address is waited for."""
    subprocess.run([BIN / "accounts", "--accounts", "20", "--roles", "1000", "--out", folder], check=True)

    class Large(Gate):
        def __post_init__(self):
            self.config, self.audit = self.folder / "rolegate.toml", self.folder / "audit.jsonl"
            self.write()
            self.process = Process([self.program, "serve", "--config", self.config], self.folder / "log")
            self.process.wait_listening(self.admin)

    extra = '[facts]\niam = ["iam/*.json"]\nclusters = ["clusters.json"]\n'
    return Large(folder, upstream, extra=extra, gate_extra='cluster = "warehouse"')


def answer_times(server: Gate, until) -> list[float]:
    """How long health and metrics take to answer, again and again until something is so."""
    times = []
    while not until():
        for path in ("/readyz", "/metrics"):
            began = time.monotonic()
            http(server.admin, path)
            times.append(time.monotonic() - began)
    return sorted(times)


@pytest.mark.alone
def test_health_and_metrics_answer_while_a_start_and_a_reload_load(postgres, tmp_path):
    server = large_gate(tmp_path / "gate", postgres.port)
    assert http(server.admin, "/readyz") == (503, "starting: the gates are not open yet\n")
    starting = answer_times(server, lambda: http(server.admin, "/readyz")[0] == 200)
    changed = server.folder / "iam" / "100000000003.json"
    changed.write_text(changed.read_text().replace("s3:List*", "s3:Put*"))
    reloading = answer_times(server, lambda: count(server, APPLIED) == 1)
    for times in (starting, reloading):
        assert len(times) > 10
        # The machine of a test has other work too, so that the slowest answer says little.
        assert times[len(times) * 9 // 10] < 0.1, times
    assert server.stop() == 0


@pytest.mark.alone
def test_sigterm_is_heard_while_a_start_and_a_reload_load(postgres, tmp_path):
    server = large_gate(tmp_path / "gate", postgres.port)
    assert http(server.admin, "/readyz")[0] == 503
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 1
    server.process = Process([server.program, "serve", "--config", server.config], server.folder / "log")
    server.process.wait_listening(server.port)
    changed = server.folder / "iam" / "100000000003.json"
    changed.write_text(changed.read_text().replace("s3:List*", "s3:Put*"))
    server.process.send(signal.SIGHUP)
    time.sleep(0.2)
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 1.5
    assert "reloaded" not in server.process.output()
