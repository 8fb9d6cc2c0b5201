"""A plain scanner after PostgreSQL 8.0's `scan.l`: its start conditions and patterns, as regular expressions, longest match first.

It is slow, and made from the rules rather than from the gate's lexer, so that the two can be compared. Operators, and the single
characters that stand for themselves, are all told as one kind, `symbol`, byte by byte.
"""

import re
from typing import NamedTuple


class Token(NamedTuple):
    kind: str
    start: int
    end: int


class Scan(NamedTuple):
    tokens: list[Token]
    unterminated: bool


# The definitions of scan.l, by their names there.
DIGIT = rb"[0-9]"
COMMENT = rb"(?:--[^\n\r]*)"
SPACE = rb"[ \t\n\r\f]"
HORIZ_WHITESPACE = rb"(?:[ \t\f]|" + COMMENT + rb")"
SPECIAL_WHITESPACE = rb"(?:" + SPACE + rb"+|" + COMMENT + rb"[\n\r])"
WHITESPACE_WITH_NEWLINE = HORIZ_WHITESPACE + rb"*[\n\r]" + SPECIAL_WHITESPACE + rb"*"
IDENT_START = rb"[A-Za-z\x80-\xff_]"
IDENTIFIER = IDENT_START + rb"[A-Za-z\x80-\xff_0-9$]*"
DECIMAL = rb"(?:[0-9]*\.[0-9]+|[0-9]+\.[0-9]*)"
REAL = rb"(?:(?:" + DECIMAL + rb"|[0-9]+)[Ee][-+]?[0-9]+)"
DOLQDELIM = rb"\$(?:[A-Za-z\x80-\xff_][A-Za-z\x80-\xff_0-9]*)?\$"


def pattern(text: bytes) -> re.Pattern[bytes]:
    return re.compile(text, re.DOTALL)


INITIAL = [
    ("whitespace", pattern(rb"(?:" + SPACE + rb"+|" + COMMENT + rb")")),
    ("xc", pattern(rb"/\*")),
    ("xb", pattern(rb"[bBxX]'")),
    ("xq", pattern(rb"'")),
    ("xd", pattern(rb'"')),
    ("xdolq", pattern(DOLQDELIM)),
    ("parameter", pattern(rb"\$[0-9]+")),
    ("word", pattern(IDENTIFIER)),
    ("number", pattern(REAL)),
    ("number", pattern(DECIMAL)),
    ("number", pattern(DIGIT + rb"+")),
    ("symbol", pattern(rb".")),
]
QUOTE_GOES_ON = pattern(rb"'" + WHITESPACE_WITH_NEWLINE + rb"'")
IN_QUOTE = pattern(rb"(?:[^\\']+|''|\\[0-7]{1,3}|\\.)*")
IN_BITS = pattern(rb"[^']*")
IN_IDENTIFIER = pattern(rb'(?:[^"]+|"")*')
IN_COMMENT = pattern(rb"[^*/]+|\*+(?!/)|/(?!\*)")


def longest(text: bytes, at: int) -> tuple[str, int]:
    """Flex takes the longest match, and the first rule among equals."""
    best = ("symbol", at + 1)
    found = False
    for kind, rule in INITIAL:
        match = rule.match(text, at)
        if match and (not found or match.end() > best[1]):
            best, found = (kind, match.end()), True
    return best


def quoted(text: bytes, at: int, inside: re.Pattern[bytes]) -> int | None:
    """The end of a literal whose opening quote stands before `at`."""
    while True:
        at = inside.match(text, at).end()
        if text[at : at + 1] != b"'":
            return None
        goes_on = QUOTE_GOES_ON.match(text, at)
        if not goes_on:
            return at + 1
        at = goes_on.end()


def comment(text: bytes, at: int) -> int | None:
    """The end of a comment whose opening stands before `at`; comments nest."""
    depth = 1
    while depth:
        if text.startswith(b"/*", at):
            depth, at = depth + 1, at + 2
        elif text.startswith(b"*/", at):
            depth, at = depth - 1, at + 2
        elif match := IN_COMMENT.match(text, at):
            at = match.end()
        else:
            return None
    return at


def scan(text: bytes) -> Scan:
    tokens, at = [], 0
    while at < len(text):
        start = at
        kind, end = longest(text, at)
        if kind == "xc":
            end = comment(text, end)
        elif kind == "xq":
            kind, end = "literal", quoted(text, end, IN_QUOTE)
        elif kind == "xb":
            kind, end = "bits", quoted(text, end, IN_BITS)
        elif kind == "xd":
            end = IN_IDENTIFIER.match(text, end).end()
            kind, end = "quoted", end + 1 if text[end : end + 1] == b'"' else None
        elif kind == "xdolq":
            close = text.find(text[at:end], end)
            kind, end = "literal", close + end - at if close >= 0 else None
        if end is None:
            return Scan(tokens, True)
        if kind not in ("whitespace", "xc"):
            tokens.append(Token(kind, start, end))
        at = end
    return Scan(tokens, False)


ESCAPES = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
PART = pattern(rb"[^\\']+|''|\\[0-7]{1,3}|\\.|'" + WHITESPACE_WITH_NEWLINE + rb"'")


def value(text: bytes, token: Token) -> bytes:
    """What a literal stands for: `unescape_single_char`, `xqoctesc`, `xqdouble`, `xqcat`."""
    raw = text[token.start : token.end]
    if raw[:1] == b"$":
        tag = raw.index(b"$", 1) + 1
        return raw[tag:-tag]
    out = b""
    for part in PART.findall(raw[1:-1]):
        if part == b"''":
            out += b"'"
        elif part[:1] == b"'":
            continue
        elif part[:1] != b"\\":
            out += part
        elif part[1:2].isdigit() and part[1:2] < b"8":
            out += bytes([int(part[1:], 8) & 0xFF])
        else:
            out += ESCAPES.get(part[1:], part[1:])
    return out


MATTERS = {"copy", "unload"}
CREDENTIALS = {"iam_role", "assumerole", "credentials", "catalog_role", "access_key_id", "session_token", "secret_access_key"}
SETTINGS = {"set_config", "pg_settings", "client_encoding", "session_authorization"}


def names_what_matters(text: bytes, scanned: Scan) -> bool:
    """Whether a word stands in it that the gate must not skip, wherever it stands."""
    for token in scanned.tokens:
        name = text[token.start : token.end].decode("latin-1").lower()
        if token.kind == "word" and name in MATTERS | CREDENTIALS | SETTINGS:
            return True
        if token.kind == "quoted" and name[1:-1] in CREDENTIALS | SETTINGS:
            return True
    return False
