"""Secrets planted in statements of every shape, whole, broken and in other dialects: none of them shows in what `rolegate check` prints in
any format, nor in what a gate answers, records, logs, counts or shows on its page.

ROLEGATE_SECRET_CASES sets how many texts are checked.
"""

import json
import os
import random
import subprocess

import psycopg
import pytest
from servers import BIN, Gate, http

CASES = int(os.environ.get("ROLEGATE_SECRET_CASES", "1500"))
CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/+"
QUOTES = [("'", "'")] * 3 + [('"', '"'), ("$$", "$$"), ("$q$", "$q$"), ("\u201c", "\u201d"), ("''", "''"), ("E'", "'")]
BETWEEN = [" ", " = ", "=", "\n", " /* x */ ", " -- y\n", " as ", ": ", " => ", "\t"]


def pair(dice: random.Random, name: str, value: str) -> str:
    """A name, what may stand between it and its value, and the value in quotes of some kind."""
    before, after = dice.choice(QUOTES)
    name = "".join(dice.choice([letter.upper(), letter]) for letter in name)
    return f"{name}{dice.choice(BETWEEN)}{before}{value}{after}"


def statement(dice: random.Random) -> tuple[str, list[str]]:
    """A statement, and the secrets in it."""
    identity = dice.choice(["AKIA", "ASIA"]) + "".join(dice.choices(CAPITALS, k=16))
    key, token = ("".join(dice.choices(BASE64, k=length)) for length in (40, 160))
    word = "pw" + "".join(dice.choices(CAPITALS, k=12))
    match dice.randrange(9):
        case 0:
            keys = f"{pair(dice, 'access_key_id', identity)} {pair(dice, 'secret_access_key', key)} {pair(dice, 'session_token', token)}"
            return f"copy t from 's3://b' {keys}", [identity, key, token]
        case 1:
            separator, quote = dice.choice([";", "; ", ";\n"]), dice.choice(["'", '"', ""])
            pairs = f"aws_access_key_id={identity}{separator}aws_secret_access_key={key};token={token}"
            return f"unload ('select 1') to 's3://b' credentials {quote}{pairs}{quote}", [identity, key, token]
        case 2:
            return f"copy into t from x credentials=({pair(dice, 'aws_key_id', identity)} {pair(dice, 'aws_secret_key', key)})", [identity, key]
        case 3:
            return f"copy t from 's3n://{identity}:{key}@bucket/p' csv", [identity, key]
        case 4:
            return pair(dice, dice.choice(["create user u password", "alter user u password", "create user u identified by"]), word), [word]
        case 5:
            return f"call load({pair(dice, 'secret_key', key)}, {pair(dice, 'client_secret', word)})", [key, word]
        case 6:
            secret = pair(dice, '"client_secret"', word)
            return f"create identity provider i type azure namespace 'n' parameters '{{\"issuer\":\"x\", {secret}}}'", [word]
        case 7:
            return f"copy t from 's3://b' access_key_id {identity} secret_access_key {key}", [identity, key]
        case _:
            return f"select '{identity}' /* {pair(dice, 'aws_secret_access_key', key)} */", [identity, key]


def broken(dice: random.Random, text: str) -> str:
    """The text broken, wrapped or beside others; names and values stay whole."""
    role = "iam_role 'arn:aws:iam::123456789012:role/R'"
    forms = [
        f"' {text}", f"{text} '", f"{role}; {text}; copy t from 's3://b' iam_role default", f"frobnicate credentials {text}",
        f"create procedure p() as $body$ begin {text}; end $body$ language plpgsql", f"{text} /* unterminated",
        f"copy t from 's3://b' null as '\\' iam_role 'x' {text}", f"with x as (select 1) {text} {role}", text, text, text,
    ]  # fmt: skip
    return dice.choice(forms)


def planted(count: int) -> list[tuple[str, list[str]]]:
    dice = random.Random(20261128)
    made = [statement(dice) for _ in range(count)]
    return [(broken(dice, text), secrets) for text, secrets in made]


def none_is_shown(shown: str, texts: list[tuple[str, list[str]]], where: str) -> None:
    for text, secrets in texts:
        for secret in secrets:
            assert secret not in shown, (where, secret, text)


@pytest.mark.parametrize("form", ["json", "human", "sarif"])
def test_check_shows_no_secret(form):
    texts = planted(CASES)
    lines = "\n".join(json.dumps({"id": number, "sql": text}) for number, (text, _) in enumerate(texts))
    command = [BIN / "rolegate", "check", "--format", form, "--input", "jsonl", "-"]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    assert "RG105" in done.stdout
    none_is_shown(done.stdout + done.stderr, texts, form)


def test_a_gate_shows_no_secret(postgres, tmp_path):
    texts = planted(300)
    gate = Gate(tmp_path / "gate", postgres.port, dialect="redshift")
    said = ""
    try:
        with psycopg.connect(host="127.0.0.1", port=gate.port, user="postgres", dbname="postgres", autocommit=True) as connection:
            for text, _ in texts:
                try:
                    connection.execute(text)
                except psycopg.Error as error:
                    # The server's own errors quote the text, and libpq shows its line; the gate's words have a code of ours.
                    diag = error.diag
                    if "RG1" in (diag.message_primary or ""):
                        said += f"{diag.message_primary} {diag.message_detail} {diag.message_hint}\n"
        pages = [http(gate.admin, path)[1] for path in ("/metrics", "/", "/api/v1/status")]
    finally:
        gate.stop()
    log = (tmp_path / "gate" / "log").read_text()
    assert "RG105" in said
    for where, shown in [("client", said), ("audit", gate.audit.read_text()), ("log", log), ("pages", "\n".join(pages))]:
        none_is_shown(shown, texts, where)

