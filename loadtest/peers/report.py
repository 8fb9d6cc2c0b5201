"""Tables of a comparison: each figure, and its ratio to the gate's within the same round."""

from statistics import median

# How a figure is read: what it is called, and whether less or more is better.
FIGURES = {
    "cpu_us": ("CPU per transaction, µs", "less"),
    "tps": ("transactions/s", "more"),
    "p50_us": ("p50 latency, µs", "less"),
    "p99_us": ("p99 latency, µs", "less"),
    "added_p50_us": ("added p50, µs", "less"),
    "added_p99_us": ("added p99, µs", "less"),
    "connects_per_s": ("connections/s", "more"),
    "mb_per_s": ("MB/s", "more"),
    "cpu_s_per_gb": ("CPU seconds per GB", "less"),
    "kib_per_session": ("KiB per idle session", "less"),
}


def add_latency(results: list[dict]):
    """Adds, to every round of a latency case, what the proxy took more than no proxy did in that round."""
    direct = {(r["case"], r["tls"], r["round"]): r["figures"] for r in results if r["proxy"] == "direct"}
    for result in results:
        base = direct.get((result["case"], result["tls"], result["round"]))
        if base and result["proxy"] != "direct":
            for name in base.keys() & result["figures"].keys() & {"p50_us", "p99_us"}:
                result["figures"][f"added_{name}"] = result["figures"][name] - base[name]


def ratios(results: list[dict], case: str, tls: bool, figure: str, peer: str) -> list[float]:
    """Gate over peer, round by round."""
    value = {
        (r["round"], r["proxy"]): r["figures"][figure]
        for r in results
        if r["case"] == case and r["tls"] == tls and figure in r["figures"]
    }
    rounds = sorted({at for at, proxy in value if proxy == "rolegate" and (at, peer) in value})
    return [value[at, "rolegate"] / value[at, peer] for at in rounds if value[at, peer] > 0]


def spread(values: list[float], form: str = ".2f") -> str:
    """Median, and the least and greatest in brackets."""
    if not values:
        return "-"
    return f"{median(values):{form}} [{min(values):{form}}-{max(values):{form}}]"


def summary(results: list[dict]) -> list[dict]:
    """One entry for each case, figure and peer: medians and ratios."""
    lines = []
    for case, tls in dict.fromkeys((r["case"], r["tls"]) for r in results):
        chosen = [r for r in results if r["case"] == case and r["tls"] == tls]
        peers = [name for name in dict.fromkeys(r["proxy"] for r in chosen) if name not in ("direct", "rolegate")]
        for figure in FIGURES:
            of = {}
            for result in chosen:
                if figure in result["figures"]:
                    of.setdefault(result["proxy"], []).append(result["figures"][figure])
            if of.keys() - {"direct"}:
                against = {peer: ratios(results, case, tls, figure, peer) for peer in sorted(peers)}
                lines.append({"case": case, "tls": tls, "figure": figure, "values": of, "ratios": against})
    return lines


def table(results: list[dict]) -> str:
    """The comparison as Markdown. Ratios are the gate's figure over the peer's; 1.00 is equal."""
    out = ["| case | TLS | figure | better | rolegate | peer: its figure | gate / peer |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for line in summary(results):
        title, better = FIGURES[line["figure"]]
        own = spread(line["values"].get("rolegate", []))
        for peer, against in line["ratios"].items():
            if line["values"].get(peer):
                theirs = f"{peer}: {median(line['values'][peer]):.2f}"
                out.append(f"| {line['case']} | {'both' if line['tls'] else '-'} | {title} | {better} | {own} | {theirs} | {spread(against)} |")
    return "\n".join(out)
