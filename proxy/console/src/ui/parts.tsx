/** The small parts that every view is made of. */

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

import type { ApiError } from "../api/client";
import { Text } from "./text";

/** A panel that has nothing to show, and says why. */
export function Nothing({ children }: { children: ComponentChildren }) {
  return <p class="nothing">{children}</p>;
}

/** What the gate said no with. */
export function Fault({ of }: { of: ApiError | null }) {
  if (of === null || of.status === 401) return null;
  return (
    <p class="fault" role="alert">
      <Text of={of.message} />{of.field !== null && <> (<code><Text of={of.field} /></code>)</>}
    </p>
  );
}

/** Copies a text. Says so, and when it cannot. */
export function Copy({ text, what }: { text: string; what: string }) {
  const [said, say] = useState<string | null>(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say("copied");
    } catch {
      say("select the text and copy it by hand");
    }
    setTimeout(() => say(null), 2500);
  };
  return (
    <span class="copy">
      <button type="button" class="small" onClick={() => void copy()}>Copy {what}</button>
      <span role="status">{said}</span>
    </span>
  );
}

/** A name and its value; the value may be anything. */
export function Pair({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="pair">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** One of a few, as a row of buttons. */
export function Choice<T extends string>(props: {
  label: string;
  value: T;
  of: readonly (readonly [T, string])[];
  choose: (value: T) => void;
}) {
  return (
    <div class="choice" role="group" aria-label={props.label}>
      {props.of.map(([value, name]) => (
        <button type="button" key={value} aria-pressed={value === props.value} onClick={() => props.choose(value)}>
          {name}
        </button>
      ))}
    </div>
  );
}

/** A panel with a heading. */
export function Panel(props: { title: string; id: string; aside?: ComponentChildren; children: ComponentChildren }) {
  return (
    <section class="panel" aria-labelledby={props.id}>
      <header>
        <h2 id={props.id}>{props.title}</h2>
        {props.aside}
      </header>
      {props.children}
    </section>
  );
}

/** A table that may be wider than the page scrolls by itself, and by keyboard; on a narrow page each row becomes a card. */
export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  // The cards need the names of the columns.
  useLayoutEffect(() => {
    const table = box.current?.querySelector("table");
    const names = [...(table?.tHead?.rows[0]?.cells ?? [])].map((cell) => cell.textContent ?? "");
    for (const row of table?.tBodies[0]?.rows ?? []) {
      if (row.cells.length === names.length) [...row.cells].forEach((cell, index) => { cell.dataset["label"] = names[index] ?? ""; });
    }
  });
  return <div class="scroll" role="group" aria-label={label} tabIndex={0} ref={box}>{children}</div>;
}
