"""The sections of docs/runbooks.md, with the queries and commands in them."""

import re
from dataclasses import dataclass, field

from servers import ROOT


@dataclass
class Runbook:
    text: str = ""
    queries: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)


def read() -> dict[str, Runbook]:
    """The sections by the name of their alert."""
    page = (ROOT / "docs" / "runbooks.md").read_text()
    sections = re.split(r"^## (\w+)$", re.sub(r"^# .*$", "", page, flags=re.MULTILINE), flags=re.MULTILINE)[1:]
    return {name: section(text) for name, text in zip(sections[::2], sections[1::2], strict=True)}


def section(text: str) -> Runbook:
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = {kind: [line for language, block in blocks if language == kind for line in block.splitlines()] for kind in ("promql", "sh")}
    # Commands that stand in a sentence count too.
    inline = [" ".join(code.split()) for code in re.findall(r"`(rolegate [^`]+)`", text)]
    return Runbook(text, lines["promql"], lines["sh"] + inline)
