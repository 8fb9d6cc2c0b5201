"""Programs that a page names and that cannot do their work here. Each checks what it is given, and says what it was asked for.

It is called under the program's name: a link to this file in a folder at the front of PATH.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(os.environ["ROLEGATE_ROOT"])
PROGRAM = Path(os.environ["ROLEGATE_PROGRAM"])


def there(*paths):
    for path in paths:
        assert Path(path).exists(), f"{path} is not there"


def options(arguments, name):
    """The values of an option that may come several times."""
    return [value for option, value in zip(arguments, arguments[1:], strict=False) if option == name]


def sudo(arguments):
    if arguments[:1] == ["-u"]:
        subprocess.run(["id", "-u", arguments[1]], check=True, stdout=subprocess.DEVNULL)
        arguments = ["runuser", "-u", arguments[1], "--", *arguments[2:]]
    if arguments[0] == "install" and arguments[-1].startswith("/usr/"):
        # The system's programs stay as they are; what would be installed must be there.
        there(*arguments_without(arguments[1:], {"-m", "-g", "-o"})[:-1])
    else:
        os.execvp(arguments[0], arguments)


def arguments_without(arguments, with_value):
    rest, waiting = [], list(arguments)
    while waiting:
        word = waiting.pop(0)
        if word in with_value:
            waiting.pop(0)
        elif not word.startswith("-"):
            rest.append(word)
    return rest


def make(arguments):
    assert arguments == ["build"], arguments
    Path("target/debug").mkdir(parents=True, exist_ok=True)
    Path("target/debug/rolegate").symlink_to(PROGRAM)


def aws(arguments):
    if arguments[:2] == ["iam", "get-account-authorization-details"]:
        account = "210987654321" if "--profile" in arguments else "123456789012"
        print((ROOT / f"config/demo/iam/{account}.json").read_text())
    elif arguments[:2] == ["s3", "cp"]:
        folder = Path(arguments[-1])
        folder.mkdir()
        log = (ROOT / "proxy/tests/data/history/user_activity.log").read_text().replace("111122223333", "123456789012")
        (folder / "123456789012_redshift_us-east-1_warehouse_useractivitylog_2026-01-02T04:00.log").write_text(log)
    else:
        assert arguments[:2] == ["redshift", "describe-clusters"], arguments
        print((ROOT / "config/demo/clusters/demo.json").read_text().replace('"demo"', '"warehouse"'))


def apt(arguments):
    assert arguments[0] == "install" and arguments[1].startswith("./rolegate_") and arguments[1].endswith(".deb"), arguments


def docker(arguments):
    if arguments[0] == "build":
        there(*options(arguments, "--file"), arguments[-1])
    else:
        assert arguments[0] == "compose", arguments
        import yaml

        services = yaml.safe_load(Path(options(arguments, "--file")[0]).read_text())["services"]
        assert services["rolegate"]["volumes"] == ["./:/etc/rolegate:ro"], services


def helm(arguments):
    """The real one, which renders where it cannot install."""
    assert arguments[:2] == ["upgrade", "--install"], arguments
    command = [os.environ["ROLEGATE_HELM"], "template", *arguments[2:]]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    assert "kind: Deployment" in done.stdout and "everything-for-now" in done.stdout


def kubectl(arguments):
    assert arguments[0] in {"rollout", "exec", "port-forward"} and any("/rolegate" in word for word in arguments), arguments


def terraform(arguments):
    folder = Path(arguments[0].removeprefix("-chdir="))
    import hcl2

    with (folder / "main.tf").open() as text:
        module = hcl2.load(text)["module"][0]
    source = next(iter(module.values()))["source"].strip('"')
    there(folder / source / "variables.tf")
    if arguments[1] == "output":
        print("127.0.0.1")


def systemctl(arguments):
    assert arguments[0] in {"enable", "daemon-reload", "reload", "restart", "status"}, arguments


def journalctl(arguments):
    assert arguments[:2] == ["--unit", "rolegate"], arguments


if __name__ == "__main__":
    name = Path(sys.argv[0]).name
    print(json.dumps([name, *sys.argv[1:]]), file=sys.stderr)
    globals()[name](sys.argv[1:])
