"""What a client chooses (user, database, application, statement) shows in logs and on terminals without doing anything to them."""

import json
import subprocess
import unicodedata

import pytest
from fake import Fake
from servers import BIN, wait_for
from wire import Wire, startup

FORGED = '2026-01-01T00:00:00.000000Z  INFO rolegate::serve: reloaded why="all is well"'
EVIL = f"eve\n{FORGED}\r\x1b[2J\x1b[31m\u202edrowssap\u2066\u2028\x85\x7f"


def harmful(text: str) -> list[str]:
    """Characters that break a line, move a cursor or turn the direction of writing, line breaks of our own apart."""
    categories = ("Cc", "Cf", "Zl", "Zp")
    return [repr(c) for c in text if c != "\n" and unicodedata.category(c) in categories]


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_name_with_a_line_break_makes_no_line_and_turns_nothing(start, form):
    gate = start(Fake().port, extra=f'[log]\nlevel = "debug"\nformat = "{form}"\n[policy]\nmode = "shadow"\n')
    Wire(gate.port).sock.sendall(startup(user=EVIL, database=EVIL, application_name=EVIL))
    wait_for("the log of the session", lambda: "drowssap" in gate.process.output())
    output = gate.process.log.read_bytes().decode()
    assert harmful(output) == []
    for line in output.splitlines():
        assert not line.startswith(FORGED[:10]), line
        if form == "json":
            fields = json.loads(line)
            if fields.get("fields", {}).get("message") == "session opened":
                assert fields["fields"]["user"] == EVIL, "the value itself is whole"
    opened = [line for line in output.splitlines() if "session opened" in line]
    assert len(opened) == 1
    if form == "text":
        assert 'user="eve\\n2026-01-01' in opened[0] and 'why=\\"all is well\\"' in opened[0], opened[0]


def test_a_refused_start_up_is_logged_in_one_line(start):
    gate = start(Fake().port)
    Wire(gate.port).sock.sendall(startup(user=EVIL, client_encoding="SJIS"))
    wait_for("the refusal in the log", lambda: "session refused" in gate.process.output())
    output = gate.process.log.read_bytes().decode()
    assert harmful(output) == []
    assert not any(line.startswith(FORGED[:10]) for line in output.splitlines()), output


def test_audit_lines_hold_no_raw_character_that_turns_the_writing(start):
    gate = start(Fake().port)
    Wire(gate.port).sock.sendall(startup(user=EVIL, client_encoding="SJIS"))
    wait_for("the record", lambda: gate.audit.exists() and gate.verdicts())
    text = gate.audit.read_bytes().decode()
    # One line a record: that of the start, and that of the verdict.
    records = [json.loads(line) for line in text.split("\n")[:-1]]
    assert harmful(text) == [] and [record["event"] for record in records] == ["start", "verdict"]
    assert records[1]["user"] == EVIL


def test_the_command_line_repeats_input_escaped(tmp_path):
    name = tmp_path / f"x\n{FORGED[:20]}\x1b[31m\u202e.sql"
    name.write_text("copy t from 's3://b' iam_role 'x'")
    commands = [
        ["check", str(name)],
        ["check", str(tmp_path / "missing\x1b[31m\u202e")],
        ["check", "--config", str(tmp_path / "missing\x1b[31m\u202e")],
        ["check", "--format", "\x1b[31m\u202e"],
        ["\x1b[31m\u202e"],
    ]
    for command in commands:
        done = subprocess.run([BIN / "rolegate", *command], capture_output=True, check=False, timeout=30)
        said = (done.stdout + done.stderr).decode()
        assert said and harmful(said) == [], command
