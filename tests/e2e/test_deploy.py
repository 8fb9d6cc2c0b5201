"""What operators run: unit and image files."""

import re

from servers import ROOT


def test_unit_file_starts_what_exists():
    unit = (ROOT / "deploy" / "systemd" / "rolegate.service").read_text()
    commands = re.findall(r"^Exec\w+=/usr/local/bin/rolegate (.*)$", unit, re.MULTILINE)
    assert commands == ["config check /etc/rolegate/rolegate.toml", "serve --config /etc/rolegate/rolegate.toml"]
    image = (ROOT / "deploy" / "Dockerfile").read_text()
    assert "USER 10001" in image and '"serve", "--config"' in image
