/** Which gate is asked, where there are several. */

import { status } from "../../status";
import { Select } from "../../ui/form";

export function GateField({ value, change }: { value: string; change: (value: string) => void }) {
  const gates = status.value?.gates ?? [];
  if (gates.length < 2) return null;
  return <Select name="at_gate" label="Gate" value={value || (gates[0]?.name ?? "")} change={change} of={gates.map((gate) => [gate.name, gate.name] as const)} />;
}
