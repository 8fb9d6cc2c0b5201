"""The gate's lexer and reader beside a plain scanner after `scan.l`, on generated texts.

ROLEGATE_DIFFERENTIAL_CASES sets how many: half of them are any texts, whose tokens must agree; half are carriers in every legal
spacing, case, order of options and among decoys, whose roles must be found and nothing refused.
"""

import json
import os
import random
import subprocess
from concurrent.futures import ThreadPoolExecutor

from scanner import names_what_matters, scan, value
from servers import BIN

CASES = int(os.environ.get("ROLEGATE_DIFFERENTIAL_CASES", "4000"))

WORDS = ["copy", "unload", "iam_role", "ASSUMEROLE", "credentials", "catalog_role", "access_key_id", "session_token", "secret_access_key", "Set_Config", "pg_settings", "client_encoding", "session_authorization"]
PARTS = [
    *WORDS, *(f'"{word}"' for word in WORDS), "x", "select", "table_name", "é", "日本", "_", "a$", "a$$", "$$", "$a$", "$b$", "$1", "$",
    "'", "''", "\\", "\\'", "\\047", '"', '""', "b'", "X'", "e'", "'a'", "'it''s'", "--", "-", "/*", "*/", "/", "*", ";", ",", ".", "(", ")",
    "1", "1.5", ".5", "2e3", "2e", "1.e5", "\n", "\r", "\r\n", "\t", "\f", "\v", "\u00a0", " ", "  ", "||", "::", "%", "&", "<", "=",
]  # fmt: skip


def dumped(texts: list[bytes]) -> list[dict]:
    """What the gate makes of texts, on every processor."""
    size = max(1, len(texts) // (os.cpu_count() or 1) + 1)
    blocks = [texts[at : at + size] for at in range(0, len(texts), size)]

    def dump(block: list[bytes]) -> list[dict]:
        lines = "\n".join(text.hex() for text in block)
        done = subprocess.run([BIN / "examples" / "lexer_dump"], input=lines, capture_output=True, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    with ThreadPoolExecutor() as pool:
        return [one for block in pool.map(dump, blocks) for one in block]


def any_text(dice: random.Random) -> bytes:
    # A long start moves the words over the windows of bytes that the gate looks at in one go.
    start = "select " + "a, " * dice.randint(0, 40) + " " * dice.randint(0, 9) if dice.random() < 0.5 else ""
    return (start + "".join(dice.choice(PARTS) for _ in range(dice.randint(1, 40)))).encode()


def test_tokens_agree_with_the_scanner():
    dice = random.Random(20260712)
    texts = [any_text(dice) for _ in range(CASES // 2)]
    ended = matters = 0
    for text, own in zip(texts, dumped(texts), strict=True):
        scanned = scan(text)
        tokens = [list(token) for token in scanned.tokens if token.kind != "symbol"]
        assert own["tokens"] == tokens, text
        assert (own["trouble"] is not None) == scanned.unterminated, text
        literals = [value(text, token) for token in scanned.tokens if token.kind == "literal"]
        assert [bytes.fromhex(literal) for literal in own["literals"]] == literals, text
        if names_what_matters(text, scanned):
            matters += 1
            assert not own["plain"], text
        ended += not scanned.unterminated
    print(f"{len(texts)} texts agree; {ended} of them end, {matters} hold a word that matters")
    assert ended > len(texts) * 0.1
    assert matters > len(texts) * 0.2


def role(dice: random.Random) -> str:
    path = dice.choice(["", "", "service-role/", "a/b/"])
    return f"arn:aws:iam::{dice.randint(0, 10**12 - 1):012}:role/{path}R{dice.randint(0, 999)}"


DECOYS = ["iam_role 'arn:aws:iam::999999999999:role/Decoy'", "credentials 'x'", "'", "$$", '"', ";", "copy t from", "日本"]


def blank(dice: random.Random) -> str:
    text = dice.choice([" ", "\n", "\t", "\r\n", "\f", "  "])
    while dice.random() < 0.25:
        decoy = dice.choice(DECOYS)
        text += dice.choice([f"/* {decoy} */", f"/* a /* {decoy} */ b */", f"-- {decoy}\n", f"--{decoy}\r\n", "/***/", " " * dice.randint(1, 70)])
    return text


def cased(dice: random.Random, text: str) -> str:
    return "".join(dice.choice([letter.upper(), letter.lower()]) for letter in text)


def string(dice: random.Random, text: str) -> str:
    return dice.choice([f"'{text}'", f"'{text}'", f"$${text}$$", f"$q1${text}$q1$"])


def name(dice: random.Random) -> str:
    return dice.choice(["venue", "s.t", '"Ven\'ue"', '"a ""b"" iam_role"', "iam_role", "dev.public.t", "[t]", '"$$"', "日本"])


OPTIONS = [
    "csv", "gzip", "ignoreheader 1", "delimiter as ','", "null as '\\\\N'", "region 'us-east-1'", "region as 'eu-west-1'", "json 'auto'",
    "timeformat 'auto'", "maxerror 5", "format as parquet", "acceptinvchars as '^'", "compupdate off", "encoding utf8", "quote as '\"'", "manifest",
]  # fmt: skip


def credential(dice: random.Random, takes_pairs: bool) -> tuple[str, list]:
    kind = dice.random()
    if kind < 0.1:
        return "iam_role default", ["default"]
    if kind < 0.15:
        return "iam_role 'SESSION'", ["session"]
    chain = ",".join(role(dice) for _ in range(dice.randint(1, 4)))
    if takes_pairs and kind < 0.4:
        words = dice.choice(["credentials", "with credentials", "credentials as", "with credentials as"])
        return f"{words} {string(dice, 'aws_iam_role=' + chain)}", [chain]
    return f"iam_role {string(dice, chain)}", [chain]


def respaced(dice: random.Random, text: str) -> str:
    """Other blanks and cases for the words of a statement; its literals and quoted names stay."""
    out, at = [], 0
    for token in scan(text.encode()).tokens:
        raw = text.encode()[token.start : token.end].decode()
        must_part = token.start > at and not (out and raw[0] in "'$\"(" and out[-1][-1] not in "bBeExXnNuU_&$" and out[-1][-1].isalpha() and raw[0] in "'(")
        if must_part or (token.start > at and dice.random() < 0.7):
            out.append(blank(dice))
        elif token.start == at and token.kind == "symbol" and raw in "(),":
            out.append(blank(dice) if dice.random() < 0.3 else "")
        out.append(cased(dice, raw) if token.kind == "word" and raw.isascii() else raw)
        at = token.end
    return "".join(out)


def carrier(dice: random.Random) -> tuple[str, list]:
    kind = dice.randint(0, 9)
    clause, roles = credential(dice, kind < 5)
    options = [clause, *dice.sample(OPTIONS, dice.randint(0, 4))]
    dice.shuffle(options)
    rest = " ".join(options)
    if kind < 3:
        columns = dice.choice(["", "", "(a, iam_role, credentials)"])
        return f"copy {name(dice)} {columns} from {string(dice, 's3://b/p')} {rest}", roles
    if kind < 5:
        query = dice.choice(["'select ''iam_role'' from t'", "$$select 'x' from iam_role$$", "'select 1 -- '"])
        return f"unload ({query}) to {string(dice, 's3://b/p')} {rest}", roles
    if kind == 5:
        catalog = role(dice)
        return f"create external schema if not exists {name(dice)} from data catalog database 'd' {clause} catalog_role '{catalog}' region 'x'", [*roles, catalog]
    if kind == 6:
        return f"create or replace external function f (varchar) returns varchar stable lambda 'fn' {clause} retry_timeout 0", roles
    if kind == 7:
        return f"create model m from (select 'iam_role' as iam_role, y from t) target y function fn {clause} settings (s3_bucket 'b')", roles
    if kind == 8:
        clauses = [clause, "account '123456789012'", "like 'x%'", "limit 5"]
        dice.shuffle(clauses)
        return f"show databases from data catalog {' '.join(clauses)}", roles
    chains = [",".join(role(dice) for _ in range(dice.randint(1, 3))) for _ in range(dice.randint(1, 3))]
    return f"grant assumerole on {', '.join(repr(chain) for chain in chains)} to role r1, group g for copy, unload", chains


BEFORE = ["select 1", "select 'copy t from ''s3://x'' iam_role default'", "select $q$; copy t from 's3://x' iam_role default; $q$", "begin", "insert into t (iam_role) values ('x')", "(select credentials from a) union all (select 1)", "set application_name to 'x'"]


def test_roles_of_generated_carriers_are_found():
    dice = random.Random(20260713)
    made = []
    for _ in range(CASES // 2):
        statements = [carrier(dice) for _ in range(dice.randint(1, 2))]
        text = ";".join(respaced(dice, text) for text, _ in statements)
        if dice.random() < 0.3 and "/* a /*" not in text:
            text = f"create procedure p() as $body$begin {text}; end$body$ language plpgsql"
        if dice.random() < 0.5:
            text = respaced(dice, dice.choice(BEFORE)) + ";" + text
        made.append((text.encode(), [role for _, roles in statements for role in roles]))
    for (text, roles), own in zip(made, dumped([text for text, _ in made]), strict=True):
        assert own["roles"] == roles, text
        assert not own["faults"], (text, own["faults"])
    print(f"the roles of {len(made)} texts are found")
