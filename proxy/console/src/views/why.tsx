/** Why was it refused, and what would happen if. */

import { route, setParams } from "../route";
import { Choice } from "../ui/parts";
import { CanAssumeForm } from "./why/canassume";
import { PathsForm } from "./why/paths";
import { StatementForm } from "./why/statement";

const ASKS = [["statement", "A statement"], ["can-assume", "One hop"], ["paths", "Ways to a role"]] as const;
type Ask = (typeof ASKS)[number][0];

export function Why() {
  const asked = route.value.params.get("ask");
  const ask: Ask = ASKS.find(([name]) => name === asked)?.[0] ?? "statement";
  return (
    <div class="why">
      <h1>Why</h1>
      <Choice label="Question" value={ask} of={ASKS} choose={(name) => setParams({ ask: name })} />
      {ask === "statement" && <StatementForm />}
      {ask === "can-assume" && <CanAssumeForm />}
      {ask === "paths" && <PathsForm />}
    </div>
  );
}
