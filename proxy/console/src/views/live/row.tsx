/** One decision of the list. */

import type { Decision } from "../../api/types";
import { took, words } from "../../text/format";
import { visible } from "../../text/visible";
import { Chain, Name, Text } from "../../ui/text";
import { Clock } from "../../ui/time";
import { VerdictBadge } from "../../ui/verdict";

const COLUMNS = ["Time", "Verdict", "User", "Statement", "Chain", "Reaches", "Codes", "Application", "Outcome"];

export function Head() {
  return (
    <div role="rowgroup" class="head">
      <div role="row" class="decision" aria-rowindex={1}>
        {COLUMNS.map((name) => <span role="columnheader" key={name}>{name}</span>)}
      </div>
    </div>
  );
}

export function Row(props: { of: Decision; index: number; isOpen: boolean; open: (id: string) => void }) {
  const { of, index, isOpen, open } = props;
  const use = of.role_uses[0];
  const stored = use === undefined ? of.stored_uses[0] : undefined;
  const rest = of.role_uses.length + of.stored_uses.length - 1;
  return (
    <div role="row" class={`decision ${isOpen ? "open" : ""}`} aria-rowindex={index + 2} onClick={() => open(of.id)} data-id={of.id}>
      <span role="cell" class="time">
        <button type="button" class="plain" aria-expanded={isOpen} onClick={(event) => { event.stopPropagation(); open(of.id); }}>
          <Clock of={of.time} />
        </button>
      </span>
      <span role="cell" class="v"><VerdictBadge of={of.verdict} /></span>
      <span role="cell" class="user" title={visible(of.user)}><Name of={of.user} /></span>
      <span role="cell" class="kind" title={words(of.kind)}>{words(of.kind)}</span>
      <span role="cell" class="roles">{use ? <Chain roles={use.roles} method={use.method} /> : stored ? <><Chain roles={stored.roles} method={stored.method} /><span class="detail"> by {words(stored.via)} <Text of={stored.through[0] ?? stored.object} /></span></> : <span class="none">none</span>}{rest > 0 && ` and ${rest} more`}</span>
      <span role="cell" class="target" title={visible(use?.target ?? "")}>{use?.target ? <Text of={use.target} /> : ""}</span>
      <span role="cell" class="codes" title={visible(of.codes.join(" "))}><Text of={of.codes.join(" ")} /></span>
      <span role="cell" class="application" title={visible(of.application)}>{of.application ? <Text of={of.application} /> : ""}</span>
      <span role="cell" class="outcome" title={visible(outcome(of))}>{outcome(of)}</span>
    </div>
  );
}

function outcome(of: Decision): string {
  if (of.outcome === null) return of.action === "reject" ? "not sent" : "";
  const { outcome, error, seconds } = of.outcome;
  return error === null ? `${outcome}, ${took(seconds)}` : `${outcome} ${error}`;
}
