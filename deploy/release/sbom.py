"""Prints the bill of materials of the gate as CycloneDX 1.5, the same for the same Cargo.lock: sbom.py > rolegate.cdx.json"""

import hashlib
import json
import sys
import tomllib
import uuid

from crates import ROOT, built_in, metadata, needs


def checksums() -> dict[tuple[str, str], str]:
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    return {(package["name"], package["version"]): package["checksum"] for package in lock["package"] if "checksum" in package}


def purl(package: dict) -> str:
    return f"pkg:cargo/{package['name']}@{package['version']}"


def component(package: dict, sums: dict) -> dict:
    found = {
        "type": "application" if package["source"] is None else "library",
        "bom-ref": purl(package),
        "name": package["name"],
        "version": package["version"],
        "purl": purl(package),
    }
    if package["description"]:
        found["description"] = " ".join(package["description"].split())
    if package["license"]:
        found["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    if checksum := sums.get((package["name"], package["version"])):
        found["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if package["repository"]:
        found["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return found


def bill(tree: dict) -> dict:
    packages = built_in(tree)
    refs = {package["id"]: purl(package) for package in packages}
    sums = checksums()
    components = {package["name"]: component(package, sums) for package in packages if package["source"] is None}
    edges = needs(tree, packages)
    found = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": components["rolegate"]},
        "components": [component(package, sums) for package in packages if package["source"] is not None],
        "dependencies": [{"ref": refs[ref], "dependsOn": [refs[needed] for needed in needed_by]} for ref, needed_by in sorted(edges.items())],
    }
    digest = hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()
    # Of the content alone, so that two builds agree.
    return {"serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, digest)}", **found}


if __name__ == "__main__":
    json.dump(bill(metadata()), sys.stdout, indent=1, sort_keys=True)
    print()
