"""The reading of licence expressions, and what is told of a dependency."""

import pytest
from licences import CRATES_IO, is_allowed, problems

ALLOWED = {"MIT", "ISC", "Apache-2.0 WITH LLVM-exception"}


@pytest.mark.parametrize(
    ("expression", "want"),
    [
        ("MIT", True),
        ("none", False),
        ("MIT OR GPL-3.0", True),
        ("GPL-3.0/MIT", True),
        ("MIT AND GPL-3.0", False),
        ("GPL-3.0 OR MIT AND GPL-2.0", False),
        ("(GPL-3.0 OR MIT) AND ISC", True),
        ("(GPL-3.0 OR MIT) AND GPL-2.0", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("Apache-2.0", False),
        ("Apache-2.0 WITH LLVM-exception AND GPL-3.0", False),
    ],
)
def test_an_expression(expression, want):
    assert is_allowed(expression, ALLOWED) is want


def test_what_is_wrong_with_a_package_is_told():
    rules = {"licenses": {"allow": ["MIT"]}, "bans": {"deny": [{"name": "openssl"}]}}
    good = {"name": "good", "version": "1.0.0", "source": CRATES_IO, "license": "MIT"}
    ours = {**good, "source": None, "license": None}
    assert problems([good, ours], rules) == []
    found = problems([{**good, "license": None}, {**good, "source": "git+https://example.org"}, {**good, "name": "openssl"}], rules)
    assert found == [
        "good 1.0.0 has the licence None, which is not on the list",
        "good 1.0.0 comes from git+https://example.org",
        "openssl 1.0.0 is banned",
    ]
