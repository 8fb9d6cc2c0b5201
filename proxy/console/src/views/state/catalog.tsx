/** What the clusters store: objects that keep roles, and how reading them goes. */

import type { Catalog } from "../../api/types";
import { counted, words } from "../../text/format";
import { Nothing, Panel, Scroll } from "../../ui/parts";
import { Chain, Name, Text } from "../../ui/text";
import { Ago } from "../../ui/time";
import { Mark } from "./health";

/** Changes that are listed. */
const SHOWN = 10;

export function CatalogPanel({ of }: { of: Catalog }) {
  return (
    <Panel title="Catalogue" id="catalog" aside={of.available && <span class="note">{counted(of.total, "object")}</span>}>
      {!of.available && <Nothing>What the clusters store is not read{of.reason === null ? "." : <>: <Text of={of.reason} /></>}</Nothing>}
      {of.gates.map((gate) => <Reading key={gate.gate} of={gate} />)}
      {of.available && of.items.length === 0 && <Nothing>No object keeps a role.</Nothing>}
      {of.items.length > 0 && <Objects of={of} />}
      {of.next !== null && <p class="note">The first {of.items.length} of {of.total}; the API has them all.</p>}
    </Panel>
  );
}

function Reading({ of }: { of: Catalog["gates"][number] }) {
  const gaps = of.views.filter((view) => view.gap !== null);
  const isGood = gaps.length === 0 && of.last_error === null && of.read_at !== null;
  return (
    <ul class="checks">
      <li>
        <span>Gate <Text of={of.gate} /></span>
        <span>{counted(of.objects, "object")}, {counted(of.users, "user")}, {counted(of.groups, "group")}, read <Ago of={of.read_at} /></span>
        <Mark isGood={isGood} good="read in full" bad={of.last_error !== null ? "cannot be read" : of.read_at === null ? "not read yet" : counted(gaps.length, "gap")} />
        {of.last_error !== null && <p class="detail"><Text of={of.last_error} /></p>}
        {gaps.map((view) => <p key={`${view.view} ${view.database}`} class="detail">{view.view}{view.database !== null && <> of <Text of={view.database} /></>}: <Text of={view.gap ?? ""} /></p>)}
      </li>
      {of.drift.length > 0 && <Drift of={of} />}
    </ul>
  );
}

/** What changed without a statement that passed the gate. */
function Drift({ of }: { of: Catalog["gates"][number] }) {
  return (
    <li>
      <span>Changed beside the gate</span>
      <Mark isGood={false} good="" bad={counted(of.drift.length, "change")} />
      {of.drift.slice(0, SHOWN).map((one, index) => (
        <p key={index} class="detail">
          <Ago of={one.noticed_at} />: {words(one.kind)} <Text of={one.name} /> {one.change}
          {one.before.length > 0 && <>, before <Text of={one.before.join(" and ")} /></>}
          {one.after.length > 0 && <>, now <Text of={one.after.join(" and ")} /></>}
        </p>
      ))}
      {of.drift.length > SHOWN && <p class="note">The last {SHOWN}; the API has {of.drift.length}, the audit all.</p>}
    </li>
  );
}

function Objects({ of }: { of: Catalog }) {
  return (
    <Scroll label="Objects that keep roles">
      <table class="many">
        <caption class="sr">Objects that keep roles</caption>
        <thead>
          <tr><th scope="col">Object</th><th scope="col">Kind</th><th scope="col">Keeps</th><th scope="col">Reaches</th><th scope="col">Owner</th><th scope="col">Others who may use it</th><th scope="col">Gate</th></tr>
        </thead>
        <tbody>
          {of.items.map((item) => (
            <tr key={`${item.gate} ${item.kind} ${item.name}`}>
              <th scope="row"><Text of={item.name} />{!item.shown && <p class="detail">known from a statement alone</p>}</th>
              <td>{words(item.kind)}</td>
              <td>{item.credentials.map((credential, index) => <p key={index}><Chain roles={credential.roles} method={credential.kind} />{credential.note !== null && <span class="detail"> <Text of={credential.note} /></span>}</p>)}</td>
              <td>{item.target === null ? "" : <Text of={item.target} />}</td>
              <td><Name of={item.owner} /></td>
              <td>{item.grantees === null ? <span class="none">not told</span> : <Name of={item.grantees.join(", ")} />}</td>
              <td><Text of={item.gate} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
