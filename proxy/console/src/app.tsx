/** The frame around the views: where one is, whether the gate answers, and the token where it asks for one. */

import { useEffect } from "preact/hooks";

import { asksForToken, contact } from "./api/client";
import { filtersOf } from "./filters";
import { formatRoute, route, VIEWS, type View } from "./route";
import { THEMES, theme, type Theme } from "./theme";
import { status } from "./status";
import { TokenForm } from "./token";
import { now } from "./ui/time";
import { clock, count, span } from "./text/format";
import { Graph } from "./views/graph";
import { Live } from "./views/live";
import { Refusals } from "./views/refusals";
import { State } from "./views/state";
import { Why } from "./views/why";

const NAMES: Record<View, string> = { graph: "Graph", live: "Live", why: "Why", refusals: "Refusals", state: "State" };
const PAGES: Record<View, () => preact.JSX.Element> = { graph: Graph, live: Live, why: Why, refusals: Refusals, state: State };

export function App() {
  const { view } = route.value;
  useEffect(() => {
    document.title = `${NAMES[view]} - rolegate`;
  }, [view]);
  const Page = PAGES[view];
  const isOld = contact.value.failingSince !== null;
  const isBarred = asksForToken.value !== "no";
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>
        Skip to content
      </a>
      <header class="top">
        <p class="brand">rolegate</p>
        <nav aria-label="Views">{VIEWS.map((one) => <NavLink key={one} view={one} isHere={one === view} />)}</nav>
        <Gate />
        <ThemeChoice />
      </header>
      <Silence />
      <main id="main" tabIndex={-1} class={isOld ? "old" : ""}>{isBarred ? <TokenForm /> : <Page />}</main>
    </>
  );
}

/** The filters go along from view to view. */
function NavLink({ view, isHere }: { view: View; isHere: boolean }) {
  const href = formatRoute(view, Object.entries(filtersOf(route.value.params)));
  return <a href={href} aria-current={isHere ? "page" : undefined}>{NAMES[view]}</a>;
}

function Gate() {
  const said = status.value;
  if (said === null) return <p class="gate">&nbsp;</p>;
  const open = said.gates.reduce((sum, gate) => sum + gate.sessions_open, 0);
  const shadowed = said.gates.filter((gate) => gate.mode === "shadow").length;
  return (
    <p class="gate">
      {shadowed > 0 && <span class="shadow">{shadowed === said.gates.length ? "shadow mode" : `${shadowed} of ${said.gates.length} in shadow`}</span>}
      <span class={`standing ${said.standing}`}>{said.standing}</span>
      <span class="open">{count(open)} {open === 1 ? "session" : "sessions"}</span>
    </p>
  );
}

function ThemeChoice() {
  return (
    <label class="theme">
      <span class="sr">Colours</span>
      <select value={theme.value} onChange={(event) => { theme.value = event.currentTarget.value as Theme; }}>
        {THEMES.map((one) => <option key={one} value={one}>{one}</option>)}
      </select>
    </label>
  );
}

/** Since when the gate does not answer. */
function Silence() {
  const { failingSince, answeredAt } = contact.value;
  return (
    <div role="status" class="silence">
      {failingSince !== null && (
        <p>
          The gate has not answered since {clock(answeredAt ?? failingSince).slice(0, 8)}
          {" "}({span((now.value.getTime() - (answeredAt ?? failingSince).getTime()) / 1000)}).
          {answeredAt !== null && " What stands below is from then."} It is asked again and again.
        </p>
      )}
    </div>
  );
}
