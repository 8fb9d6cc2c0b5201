"""What a release holds: the same bytes twice, one version everywhere, nothing of this machine."""

import hashlib
import json
import os
import re
import subprocess
import tarfile
import tomllib
from pathlib import Path

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from servers import BIN, ROOT
from tools import CHART, HELM, pack

MANIFEST = tomllib.loads((ROOT / "Cargo.toml").read_text())
VERSION = MANIFEST["workspace"]["package"]["version"]


def test_one_version_everywhere():
    chart = yaml.safe_load((ROOT / "deploy/helm/rolegate/Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (VERSION, VERSION)
    assert f'image.version="{VERSION}"' in (ROOT / "deploy/Dockerfile").read_text()
    shown = subprocess.run([BIN / "rolegate", "--version"], capture_output=True, text=True, check=False).stdout
    assert shown.startswith(f"rolegate {VERSION}"), shown
    for page in ["docs/operations.md", "README.md"]:
        for found in re.findall(r"rolegate[_-](\d+\.\d+\.\d+)", (ROOT / page).read_text()):
            assert found == VERSION, page
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    released = [heading.strip("[]") for heading in headings[1:]]
    # Until the first release the version is the one that is being made.
    assert not released or released[0] == VERSION, released


def test_every_change_says_what_is_to_be_done():
    """A line of the changelog's "Changed" and "Removed" leads to an upgrade note that is there, or says that nothing is to be done; and no note is idle."""
    changelog = (ROOT / "CHANGELOG.md").read_text()
    sections = re.findall(r"^### (?:Changed|Removed)\n(.*?)(?=^##|\Z)", changelog, re.MULTILINE | re.DOTALL)
    bullets = [bullet.strip() for section in sections for bullet in re.split(r"^- ", section, flags=re.MULTILINE)[1:]]
    assert len(bullets) > 20
    ends = re.compile(r"(?:Nothing to do\.|\[What to do\]\(docs/operations\.md#upgrade-([\w-]+)\)\.)$")
    assert [bullet for bullet in bullets if not ends.search(bullet)] == []
    named = {ends.search(bullet)[1] for bullet in bullets} - {None}
    assert named == set(re.findall(r'<a id="upgrade-([\w-]+)">', (ROOT / "docs/operations.md").read_text()))


def test_a_release_is_the_same_twice(release, tmp_path):
    again = pack(tmp_path / "again")
    names = sorted(path.name for path in release.iterdir())
    assert names == sorted(path.name for path in again.iterdir())
    for name in names:
        assert (release / name).read_bytes() == (again / name).read_bytes(), f"{name} differs"
    for line in (release / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((release / name).read_bytes()).hexdigest() == digest


def test_what_a_release_holds(release):
    names = {path.name for path in release.iterdir()}
    assert {"SHA256SUMS", "THIRD-PARTY.txt", "rolegate.cdx.json", f"rolegate-{VERSION}.tgz", f"rolegate-{VERSION}-source.tar.gz"} <= names
    (program,) = [name for name in names if "unknown-linux" in name]
    with tarfile.open(release / program) as archive:
        held = {member.name.split("/", 1)[-1]: member for member in archive.getmembers()}
    for name in ["rolegate", "LICENSE", "THIRD-PARTY.txt", "man1/rolegate-doctor.1", "completions/_rolegate", "systemd/rolegate.service", "docs/operations.md", "config/rolegate.toml"]:
        assert name in held, name
    assert held["rolegate"].mode & 0o111 and held["LICENSE"].mode & 0o022 == 0
    with tarfile.open(release / f"rolegate-{VERSION}.tgz") as archive:
        members = archive.getmembers()
    assert not any(member.issym() for member in members), "helm does not follow links within an archive"
    assert any(member.name.startswith("rolegate/rules/") for member in members) and any(member.name.startswith("rolegate/dashboards/") for member in members)


def test_the_chart_of_a_release_is_the_chart(release, tmp_path):
    archive = release / f"rolegate-{VERSION}.tgz"
    values = ["--values", ROOT / "deploy/helm/examples/network-load-balancer.yaml"]
    rendered = [subprocess.run([HELM, "template", "g", chart, *values], capture_output=True, text=True, check=True).stdout for chart in (archive, CHART)]
    assert rendered[0] == rendered[1]


def test_the_bill_of_materials(release):
    text = (release / "rolegate.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_5).validate_str(text) is None
    bill = json.loads(text)
    lock = {(package["name"], package["version"]): package.get("checksum") for package in tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]}
    assert (bill["bomFormat"], bill["metadata"]["component"]["version"]) == ("CycloneDX", VERSION)
    for component in bill["components"]:
        assert component["hashes"][0]["content"] == lock[(component["name"], component["version"])]
        assert component["licenses"]
    names = {component["name"] for component in bill["components"]}
    assert {"tokio", "rustls", "cedar-policy", "aws-sdk-iam"} <= names
    assert not {"proptest", "criterion", "rusqlite", "clap_derive"} & names - {"clap_derive"}, "what only tests need is not in the program"
    refs = {component["bom-ref"] for component in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
    assert all(ref in refs for edge in bill["dependencies"] for ref in [edge["ref"], *edge["dependsOn"]])


def test_every_asset_of_the_debian_package_is_there(release):
    deb = tomllib.loads((ROOT / "proxy/Cargo.toml").read_text())["package"]["metadata"]["deb"]
    made = {"../target/package-files": Path(f"{release}.files")}
    for source, _, mode in deb["assets"]:
        if source.startswith("target/"):
            continue
        folder = next((made[name] / source.removeprefix(name + "/") for name in made if source.startswith(name)), ROOT / "proxy" / source)
        assert list(folder.parent.glob(folder.name)), source
        assert mode == "644"
    for script in ["postinst", "postrm"]:
        text = (ROOT / "proxy" / deb["maintainer-scripts"] / script).read_text()
        assert text.startswith("#!/bin/sh") and "#DEBHELPER#" in text
    assert (ROOT / "proxy" / deb["systemd-units"]["unit-scripts"] / "rolegate.service").exists()


@pytest.fixture(scope="session")
def build_script(tmp_path_factory):
    program = tmp_path_factory.mktemp("build") / "build-script"
    subprocess.run(["rustc", "--edition", "2024", "-o", program, ROOT / "proxy/build.rs"], check=True, capture_output=True)
    return program


def built(program, folder, **env):
    """The variables that the build script sets."""
    whole = {"PATH": os.environ["PATH"], "CARGO_MANIFEST_DIR": str(folder), "CARGO_PKG_VERSION": "1.2.3", "PROFILE": "release", **env}
    done = subprocess.run([program], capture_output=True, text=True, env=whole, cwd=folder, check=True)
    return dict(re.findall(r"cargo::rustc-env=(\w+)=(.*)", done.stdout))


def test_the_version_names_the_commit(build_script, tmp_path):
    """From a variable, from a crate's tarball, from the repository that it belongs to; and from nowhere else."""
    crate, others, ours = tmp_path / "crate", tmp_path / "others", tmp_path / "ours"
    for folder in (crate, others, ours):
        folder.mkdir()
    assert built(build_script, crate, ROLEGATE_COMMIT="abc-dirty")["ROLEGATE_VERSION"] == "1.2.3 (abc-dirty)"
    assert built(build_script, crate) == {"ROLEGATE_VERSION": "1.2.3", "ROLEGATE_COMMIT": "unknown", "ROLEGATE_RUSTC": "unknown"}
    (crate / ".cargo_vcs_info.json").write_text('{"git": {"sha1": "0123456789abcdef0123456789abcdef01234567"}, "path_in_vcs": "proxy"}')
    assert built(build_script, crate, PATH="/nowhere")["ROLEGATE_VERSION"] == "1.2.3 (0123456789ab)", "without git"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    for folder, tracked in [(ours, "build.rs"), (others, "other.rs")]:
        (folder / "build.rs").touch()
        (folder / "other.rs").touch()
        for command in (["init", "-q"], ["add", tracked], ["commit", "-q", "-m", "x"]):
            subprocess.run([*git, *command], cwd=folder, check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ours, capture_output=True, text=True, check=True).stdout
    assert built(build_script, ours)["ROLEGATE_COMMIT"] == head[:12]
    assert built(build_script, ours, PROFILE="debug")["ROLEGATE_VERSION"] == "1.2.3 (debug build)"
    named = built(build_script, ours, PROFILE="debug", ROLEGATE_COMMIT="0123456789ab")
    assert (named["ROLEGATE_VERSION"], named["ROLEGATE_COMMIT"]) == ("1.2.3 (0123456789ab, debug build)", "0123456789ab")
    assert built(build_script, others)["ROLEGATE_COMMIT"] == "unknown", "the repository of somebody who keeps a copy says nothing of ours"
    assert re.match(r"\d+\.\d+\.\d+", built(build_script, crate, RUSTC="rustc")["ROLEGATE_RUSTC"])


def test_a_crate_holds_every_file_that_it_is_built_from():
    """What `cargo package` would pack is enough: nothing is included from outside of the crate."""
    listed = subprocess.run(["cargo", "package", "--list", "--allow-dirty", "--offline", "--package", "rolegate"], capture_output=True, text=True, cwd=ROOT, check=False)
    assert listed.returncode == 0, listed.stderr
    files = set(listed.stdout.splitlines())
    assert "build.rs" in files
    for source in (ROOT / "proxy/src").rglob("*.rs"):
        if "tests" in source.parts or source.name == "tests.rs":
            continue
        code = source.read_text().split("#[cfg(test)]")[0]
        for name in re.findall(r'include_(?:str|bytes)!\(\s*"([^"]+)"', code):
            path = os.path.relpath(os.path.normpath(source.parent / name), ROOT / "proxy")
            assert path in files, f"{source.name} includes {path}"
