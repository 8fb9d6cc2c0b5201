"""Prints the licences of everything that is built into the gate, with their texts: licences.py > THIRD-PARTY.txt"""

from pathlib import Path

from crates import built_in, metadata

NAMES = ("licen", "copying", "notice", "copyright", "unlicense")


def texts(folder: Path) -> list[str]:
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name.lower().startswith(NAMES))
    return [path.read_text(errors="replace").strip() for path in files]


def pages(packages: list[dict]) -> list[tuple[str, list[str]]]:
    """Each text once, with the crates that have it."""
    found: dict[str, list[str]] = {}
    for package in packages:
        name = f"{package['name']} {package['version']} ({package['license']})"
        for text in texts(Path(package["manifest_path"]).parent) or ["(the crate holds no text of its licence)"]:
            found.setdefault(text, []).append(name)
    return sorted(((text, names) for text, names in found.items()), key=lambda page: page[1])


def main():
    packages = [package for package in built_in(metadata()) if package["source"] is not None]
    print(f"rolegate is built from {len(packages)} crates of others. Their licences:\n")
    for package in packages:
        print(f"  {package['name']} {package['version']}: {package['license']}")
    for text, names in pages(packages):
        print(f"\n{'=' * 100}\n{', '.join(names)}\n{'-' * 100}\n{text}")


if __name__ == "__main__":
    main()
