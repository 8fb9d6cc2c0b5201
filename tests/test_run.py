"""How tests/run.py counts, and what it does when a step fails."""

import pytest
import run
from run import CARGO_COUNTS, NODE_COUNTS, PYTEST_COUNTS, VITEST_COUNTS, Step, count, run_stages, stages


@pytest.mark.parametrize(
    ("pattern", "status", "output", "want"),
    [
        (None, 0, "", (1, 0)),
        (None, 2, "12 passed", (0, 1)),
        (PYTEST_COUNTS, 0, "12 passed, 3 deselected, 2 warnings in 4.51s\n", (12, 0)),
        (PYTEST_COUNTS, 1, "2 failed, 10 passed, 1 error in 4.51s\n", (10, 3)),
        (PYTEST_COUNTS, 4, "usage: no such option\n", (0, 1)),
        (CARGO_COUNTS, 0, "test result: ok. 3 passed; 0 failed; 0 ignored\ntest result: ok. 4 passed; 0 failed; 0 ignored\n", (7, 0)),
        (CARGO_COUNTS, 101, "test result: FAILED. 3 passed; 2 failed; 0 ignored\n", (3, 2)),
        (CARGO_COUNTS, 101, "error: could not compile\n", (0, 1)),
        (VITEST_COUNTS, 0, " Test Files  9 passed (9)\n      Tests  84 passed (84)\n", (84, 0)),
        (VITEST_COUNTS, 1, "      Tests  2 failed | 82 passed (84)\n", (82, 2)),
        (NODE_COUNTS, 1, "# tests 3\n# pass 2\n# fail 1\n# pass 7\n# fail 0\n", (9, 1)),
    ],
)
def test_counts(pattern, status, output, want):
    assert count(Step(["x"], pattern), status, output) == want


def test_a_step_that_prepares_counts_when_it_fails():
    step = Step(["x"], prepares=True)
    assert (count(step, 0, ""), count(step, 1, "")) == ((0, 0), (0, 1))


def counts(todo):
    return [(done.step.command[0], done.passed, done.failed) for done in run_stages(todo)]


def test_what_fails_does_not_keep_others_from_running():
    good, bad = Step(["true"]), Step(["false"])
    assert counts([[[bad, good], [good]], [[good]]]) == [("false", 0, 1), ("true", 1, 0), ("true", 1, 0), ("true", 1, 0)]


def test_nothing_follows_a_preparation_that_failed():
    good, bad = Step(["true"]), Step(["false"], prepares=True)
    assert counts([[[bad, good], [good]], [[good]]]) == [("false", 0, 1), ("true", 1, 0)]


def test_output_of_steps_beside_one_another_is_not_mixed(capsys):
    def talk(letter):
        return Step(["sh", "-c", f"for _ in 1 2 3 4; do echo {letter}; sleep 0.02; done"])

    run_stages([[[talk("a")], [talk("b")]]])
    words = [line for line in capsys.readouterr().out.splitlines() if len(line) == 1]
    assert "".join(words) in ("aaaabbbb", "bbbbaaaa")


def test_every_file_of_the_console_is_run_once():
    commands = [step.command for stage in stages(False, True) for lane in stage for step in lane]
    given = [name for command in commands if command[0] == "tests/console/run.sh" for name in command[1:]]
    assert sorted(given) == run.CONSOLE and run.FRAMES in given
