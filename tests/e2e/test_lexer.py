"""The lexer against PostgreSQL 15 with standard_conforming_strings = off: every literal's value and every count of statements
must agree. Left out is what PostgreSQL learned after 8.0: \\x, \\u and U& escapes, E'' and numbers with trailing letters.

ROLEGATE_DIFFERENTIAL_CASES sets how many texts are compared.
"""

import json
import os
import random
import subprocess

import psycopg
from servers import BIN

CASES = int(os.environ.get("ROLEGATE_DIFFERENTIAL_CASES", "4000"))

LETTERS = ["a", "b", "x", "X", "n", "0", "7", "_", "$", "é", "日", " ", "--", "/*", "*/", ";", '"', ",", "(", "\t"]


def blank(dice, newline=False):
    parts = [" ", "\t", "\f", "/* c */", "/* a /* ' */ b */", "/***/", "/*/*/ */ */"]
    lines = ["\n", "\r", "\r\n", "-- '\n", "-- $$\r", "-- /*\n"]
    text = "".join(dice.choice(parts + lines if dice.random() < 0.3 else parts) for _ in range(dice.randint(0, 2)))
    return text + dice.choice(lines) if newline else text


def quoted(dice):
    text = ""
    for _ in range(dice.randint(0, 8)):
        kind = dice.random()
        if kind < 0.15:
            text += "''"
        elif kind < 0.35:
            # A digit might go on where an octal escape ends, so octal escapes have three.
            text += "\\" + dice.choice(["'", "\\", "b", "f", "n", "r", "t", "z", '"', "041", "101", "176", "047", "134"])
        else:
            text += dice.choice(LETTERS)
    return "'" + text + "'"


def joined(dice):
    parts = [quoted(dice)]
    while dice.random() < 0.25:
        between = dice.choice(["\n", " \n ", "\r", " -- ' x\n", "\t\r\n  -- y\n ", "\n\n"])
        parts.append(between + quoted(dice))
    return "".join(parts)


def dollar(dice):
    tag = dice.choice(["", "a", "A_1", "é"])
    body = "".join(dice.choice([*LETTERS, "'", "\\", "$", "$b$", "\n"]) for _ in range(dice.randint(0, 8)))
    delimiter = f"${tag}$"
    # The body must not hold the delimiter, and must not end so that it begins early.
    while delimiter in body + delimiter[:-1]:
        body = body.replace("$", "")
    return delimiter + body + delimiter


def item(dice):
    kind = dice.random()
    if kind < 0.55:
        return joined(dice)
    if kind < 0.75:
        return dollar(dice)
    if kind < 0.85:
        return dice.choice(["1", "1.5", ".5", "2e3", "1 +-- x\n 2", "1 +/* x */ 2", "n'y'", "b'1'", "x'1F'"])
    return joined(dice) + blank(dice) + " as" + blank(dice) + ' "a\\""b\'"'


def text(dice):
    statements = []
    for _ in range(dice.randint(1, 3)):
        if dice.random() < 0.1:
            statements.append(blank(dice))
            continue
        items = [blank(dice) + item(dice) + blank(dice) for _ in range(dice.randint(1, 3))]
        statements.append("select " + ",".join(items))
    made = ";".join(statements)
    # Now and then something that does not end.
    return made + dice.choice(["", "", "", "", "", "", "", "", ", 'x", ", $q$", " /* x", ' "x', ", 'x\\'", "--'"])


def test_literals_and_statements_agree(postgres):
    dice = random.Random(20260105)
    texts = [text(dice) for _ in range(CASES)]
    dump = subprocess.run([BIN / "examples" / "lexer_dump"], input="\n".join(t.encode().hex() for t in texts), capture_output=True, text=True, check=True)
    ours = [json.loads(line) for line in dump.stdout.splitlines()]
    assert len(ours) == len(texts)
    compared = refused = 0
    with psycopg.connect(host="127.0.0.1", port=postgres.port, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute("set standard_conforming_strings = off; set escape_string_warning = off; set backslash_quote = on")
        pgconn = connection.pgconn
        for sql, own in zip(texts, ours):
            pgconn.send_query(sql.encode())
            values, statements, error = [], 0, ""
            while (result := pgconn.get_result()) is not None:
                if result.status == psycopg.pq.ExecStatus.TUPLES_OK:
                    statements += 1
                    values += [result.get_value(0, column) for column in range(result.nfields) if result.ftype(column) in (25, 1042)]
                elif result.status == psycopg.pq.ExecStatus.FATAL_ERROR:
                    error = result.error_message.decode()
            if error:
                # What does not end must not end for us either; any other error says nothing about boundaries.
                if "unterminated" in error:
                    assert own["trouble"], (sql, error, own)
                    refused += 1
                continue
            assert own["trouble"] is None, (sql, own)
            assert own["statements"] == statements, (sql, own, statements)
            assert [bytes.fromhex(value) for value in own["literals"]] == values, (sql, own, values)
            compared += 1
    print(f"{compared} texts agree, {refused} end for neither, of {CASES}")
    assert compared > CASES * 0.6
    assert refused > CASES * 0.05
