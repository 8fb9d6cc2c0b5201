/** Verdicts, told apart by colour and by pattern. */

import { words } from "../text/format";

/** How a line of each verdict is dashed; the graph and the badges use the same. */
export const DASHES: Readonly<Record<string, string>> = {
  allowed: "none",
  would_be_refused: "7 3",
  refused: "2 3",
  undecided: "8 3 2 3",
  unused: "1 5",
};

export function VerdictBadge({ of }: { of: string }) {
  return (
    <span class={`verdict ${of}`}>
      <svg class="line" width="18" height="6" viewBox="0 0 18 6" aria-hidden="true">
        <line x1="0" y1="3" x2="18" y2="3" stroke-width="2.5" stroke-dasharray={DASHES[of] ?? "none"} />
      </svg>
      {words(of)}
    </span>
  );
}

/** The result of a hop. */
export function HopBadge({ of }: { of: string }) {
  const verdict = of === "allowed" ? "allowed" : of === "denied" ? "refused" : "undecided";
  return <span class={`verdict ${verdict}`}>{of === "unknown" ? "cannot tell" : of}</span>;
}
