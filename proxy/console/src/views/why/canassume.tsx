/** Whether one role, or the cluster, can assume another. */

import { get } from "../../api/client";
import type { CanAssume } from "../../api/types";
import { route } from "../../route";
import { Field, Form } from "../../ui/form";
import { GateField } from "./gate";
import { Fault, Panel } from "../../ui/parts";
import { Text } from "../../ui/text";
import { HopBadge } from "../../ui/verdict";
import { HopItem } from "../record";
import { useAnswer, useFields } from "./ask";

const NAMES = ["from", "to", "as", "external_id", "at_gate"] as const;

export function CanAssumeForm() {
  const [fields, change, send] = useFields(NAMES);
  const { params } = route.value;
  const [from, to] = [params.get("from") ?? "", params.get("to") ?? ""];
  const question = { from, to, user: params.get("as"), external_id: params.get("external_id"), gate: params.get("at_gate") };
  const [answer, again] = useAnswer<CanAssume>(from && to ? JSON.stringify(question) : null, (abort) => get("/can-assume", question, abort));
  const submit = () => {
    if (!send()) again();
  };
  return (
    <>
      <Form label="One hop" submit={submit} action="Ask" isBusy={answer.isBusy}>
        <Field name="from" label="From" value={fields.from} change={change("from")} hint="cluster, or the ARN of a role" required long />
        <Field name="to" label="To" value={fields.to} change={change("to")} hint="arn:aws:iam::<account>:role/<name>" required long />
        <Field name="as" label="User" value={fields.as} change={change("as")} />
        <Field name="external_id" label="External ID" value={fields.external_id} change={change("external_id")} />
        <GateField value={fields.at_gate} change={change("at_gate")} />
      </Form>
      <div aria-live="polite">
        <Fault of={answer.fault} />
        {answer.data && (
          <Panel id="hop-answer" title="Answer" aside={<HopBadge of={answer.data.decision} />}>
            <p class="detail">Cluster <Text of={answer.data.cluster} /></p>
            <ol class="hops">{answer.data.steps.map((step, index) => <HopItem key={index} of={step} />)}</ol>
          </Panel>
        )}
      </div>
    </>
  );
}
