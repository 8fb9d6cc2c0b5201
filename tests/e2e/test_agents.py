"""Agents that carry the audit elsewhere: a real rsyslogd with the shipped configuration, to another one over TLS."""

import re
import signal

import pytest
from authority import Authority
from servers import ROOT, Gate, Process, free_port, wait_for
from test_audit_chain import refuse, verify

CONFIGURATION = ROOT / "deploy" / "agents" / "rsyslog.conf"
# <PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG, of facility local6 and severity notice.
RFC_5424 = re.compile(r"<181>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\S+ \S+ rolegate-audit - - - (\{.*\})")
RECEIVER = """
global(workDirectory="{folder}" DefaultNetstreamDriver="gtls" DefaultNetstreamDriverCAFile="{ca}"
  DefaultNetstreamDriverCertFile="{certificate}" DefaultNetstreamDriverKeyFile="{key}" maxMessageSize="64k")
module(load="imtcp" StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="anon")
template(name="raw" type="string" string="%rawmsg%\\n")
input(type="imtcp" port="{port}" address="127.0.0.1" ruleset="keep")
ruleset(name="keep") {{ action(type="omfile" file="{folder}/received" template="raw" asyncWriting="off") }}
"""


class Rsyslog:
    """A rsyslogd of the test's own: configuration, state and process file in one folder."""

    def __init__(self, folder, text: str):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "rsyslog.conf").write_text(text)
        self.process = Process(["rsyslogd", "-n", "-f", folder / "rsyslog.conf", "-i", folder / "pid"], folder / "log")

    def stop(self):
        assert self.process.stop(signal.SIGTERM) == 0, self.process.output()


@pytest.fixture
def syslog(tmp_path):
    """A receiver, not started yet, and a maker of senders towards it."""
    authority = Authority(tmp_path / "authority")
    certificate, key = authority.issue("syslog.example.org", "127.0.0.1")
    started, port = [], free_port()

    def receive():
        folder = tmp_path / "receiver"
        folder.mkdir()
        text = RECEIVER.format(folder=folder, ca=authority.certificate, certificate=certificate, key=key, port=port)
        started.append(Rsyslog(folder, text))
        started[-1].process.wait_listening(port)
        return folder / "received"

    def send(audit, change=lambda text: text):
        folder = tmp_path / f"sender{len(started)}"
        text = CONFIGURATION.read_text()
        for shipped, here in {
            "/var/spool/rsyslog": folder,
            "/etc/rolegate/syslog-ca.crt": authority.certificate,
            "/var/log/rolegate/audit.jsonl": audit,
            'Target="syslog.example.org"': 'Target="127.0.0.1"',
            '"6514"': f'"{port}"',
            'resumeInterval="5"': 'resumeInterval="1"',
        }.items():
            assert shipped in text, shipped
            text = text.replace(shipped, str(here))
        started.append(Rsyslog(folder, change(text)))
        return started[-1]

    yield receive, send
    for server in started:
        server.stop()


def bodies(received) -> list[str]:
    """What the messages say; each must have the form of RFC 5424."""
    lines = received.read_text().splitlines() if received.exists() else []
    return [RFC_5424.fullmatch(line)[1] for line in lines]


def kept(gate: Gate) -> int:
    found = verify(*sorted(gate.folder.glob("audit.jsonl*")))
    assert found["problems"] == []
    return found["records"]


def test_every_record_arrives_as_it_is(postgres, tmp_path, syslog):
    receive, send = syslog
    gate = Gate(tmp_path / "gate", postgres.port, audit_extra="rotate_bytes = 65536\nfold_after = 100000\n")
    send(gate.audit)
    refuse(gate, 20)
    # The other side comes up later than the first records, and files are rotated and compressed under the agent's hands.
    received = receive()
    for _round in range(8):
        refuse(gate, 40)
    assert gate.stop() == 0
    wait_for("all records", lambda: len(set(bodies(received))) >= kept(gate), 30)
    assert len(list(gate.folder.glob("*.gz"))) >= 2
    copy = tmp_path / "received.jsonl"
    # One that was under way when a connection broke comes twice.
    once = dict.fromkeys(bodies(received))
    assert len(bodies(received)) - len(once) < 10
    copy.write_text("".join(f"{body}\n" for body in once))
    found = verify(copy)
    assert found["problems"] == found["gaps"] == [] and found["records"] == kept(gate)


def test_nothing_goes_to_somebody_else(postgres, tmp_path, syslog):
    """A receiver whose certificate has another name than the configuration permits gets nothing."""
    receive, send = syslog
    gate = Gate(tmp_path / "gate", postgres.port)
    refuse(gate, 5)
    assert gate.stop() == 0
    received = receive()
    sender = send(gate.audit, lambda text: text.replace('PermittedPeers="syslog.example.org"', 'PermittedPeers="other.example.org"'))
    wait_for("the refusal", lambda: "peer name not authorized" in sender.process.output() or "not permitted" in sender.process.output(), 20)
    assert bodies(received) == []

