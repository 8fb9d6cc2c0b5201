"""Programs that tests/setup.sh puts into target/."""

from servers import ROOT

HELM = ROOT / "target/helm/helm"
CHART = ROOT / "deploy/helm/rolegate"
MODELS = ROOT / "target/node"
