/** Fields of forms. */

import type { ComponentChildren } from "preact";

export type Fields<T extends string> = Readonly<Record<T, string>>;

export function Field(props: {
  name: string;
  label: string;
  value: string;
  change: (value: string) => void;
  hint?: string;
  type?: "text" | "datetime-local";
  required?: boolean;
  /** For what is longer than a name. */
  long?: boolean;
  list?: readonly string[];
}) {
  const { name, label, value, change, hint, type = "text", required = false, long = false, list } = props;
  return (
    <label class={`field ${long ? "long" : ""}`}>
      <span>{label}</span>
      <input name={name} type={type} value={value} required={required} placeholder={hint} spellcheck={false} autocomplete="off"
        {...(type === "datetime-local" ? { step: 1 } : {})} {...(list ? { list: `list-${name}` } : {})}
        onInput={(event) => change(event.currentTarget.value)} />
      {list && <datalist id={`list-${name}`}>{list.map((one) => <option key={one} value={one} />)}</datalist>}
    </label>
  );
}

export function Area(props: { name: string; label: string; value: string; change: (value: string) => void; rows: number; hint?: string }) {
  const { name, label, value, change, rows, hint } = props;
  return (
    <label class="field wide">
      <span>{label}</span>
      <textarea name={name} rows={rows} value={value} placeholder={hint} spellcheck={false} autocomplete="off"
        onInput={(event) => change(event.currentTarget.value)} />
    </label>
  );
}

export function Select(props: { name: string; label: string; value: string; change: (value: string) => void; of: readonly (readonly [string, string])[] }) {
  const { name, label, value, change, of } = props;
  return (
    <label class="field">
      <span>{label}</span>
      <select name={name} value={value} onChange={(event) => change(event.currentTarget.value)}>
        {of.map(([key, text]) => <option key={key} value={key}>{text}</option>)}
      </select>
    </label>
  );
}

export function Form(props: { label: string; submit: () => void; action: string; isBusy: boolean; children: ComponentChildren }) {
  return (
    <form class="form panel" aria-label={props.label} onSubmit={(event) => { event.preventDefault(); props.submit(); }}>
      <div class="fields">{props.children}</div>
      <button type="submit" class="primary" aria-disabled={props.isBusy}>{props.action}</button>
    </form>
  );
}
