/** The chains that reach a role. */

import { get } from "../../api/client";
import type { Paths } from "../../api/types";
import { formatRoute, route } from "../../route";
import { counted } from "../../text/format";
import { visible } from "../../text/visible";
import { Field, Form } from "../../ui/form";
import { GateField } from "./gate";
import { Fault, Nothing, Panel } from "../../ui/parts";
import { Role, Text } from "../../ui/text";
import { useAnswer, useFields } from "./ask";

const NAMES = ["to", "as", "max_roles", "at_gate"] as const;

export function PathsForm() {
  const [fields, change, send] = useFields(NAMES);
  const { params } = route.value;
  const to = params.get("to") ?? "";
  const question = { to, user: params.get("as"), max_roles: params.get("max_roles"), gate: params.get("at_gate") };
  const [answer, again] = useAnswer<Paths>(to ? JSON.stringify(question) : null, (abort) => get("/paths", question, abort));
  const submit = () => {
    if (!send()) again();
  };
  return (
    <>
      <Form label="Ways to a role" submit={submit} action="Find" isBusy={answer.isBusy}>
        <Field name="to" label="To" value={fields.to} change={change("to")} hint="arn:aws:iam::<account>:role/<name>" required long />
        <Field name="as" label="User" value={fields.as} change={change("as")} />
        <Field name="max_roles" label="Longest chain (5 roles if empty)" value={fields.max_roles} change={change("max_roles")} />
        <GateField value={fields.at_gate} change={change("at_gate")} />
      </Form>
      <div aria-live="polite">
        <Fault of={answer.fault} />
        {answer.data && <Ways of={answer.data} />}
      </div>
    </>
  );
}

function Ways({ of }: { of: Paths }) {
  return (
    <Panel id="ways" title={`${counted(of.chains.length, "chain")} from cluster ${visible(of.cluster)}`}>
      {of.chains.length === 0 && <Nothing>No chain reaches this role, as far as the facts tell.</Nothing>}
      <ol class="ways">
        {of.chains.map((chain, index) => (
          <li key={index}>
            <p class="way">
              {chain.roles.map((arn, place) => (
                <span key={place}>{place > 0 && <span class="arrow" aria-label="then"> → </span>}<Role arn={arn} /></span>
              ))}
              {" "}
              <a href={formatRoute("graph", [["chain", chain.roles.join(",")], ["unused", "yes"]])}>in the graph</a>
            </p>
            {chain.doubts.map((doubt, place) => <p key={place} class="detail">Cannot tell: <Text of={doubt} /></p>)}
          </li>
        ))}
      </ol>
      {of.is_cut && <p class="note">There are more; these are the first.</p>}
    </Panel>
  );
}
