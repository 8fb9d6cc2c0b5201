/** The filters of a view: those that are set as things to remove, and a form for more. */

import { useState } from "preact/hooks";

import { FILTERS, filtersOf, type FilterName } from "../filters";
import { route, setParams } from "../route";
import { words } from "../text/format";
import { visible } from "../text/visible";
import { Text } from "./text";

const NONE: ReadonlyMap<string, readonly string[]> = new Map();

/** `known` are values that were seen, offered while typing; `takes` are the filters that the view can follow. */
export function FilterBar(props: { known?: ReadonlyMap<string, readonly string[]>; takes?: readonly FilterName[] }) {
  const { known = NONE, takes } = props;
  const filters = filtersOf(route.value.params);
  const [name, choose] = useState<FilterName>("user");
  const [value, type] = useState("");
  const offered = FILTERS.filter((filter) => takes === undefined || takes.includes(filter.name));
  const filter = offered.find((one) => one.name === name) ?? offered[0];
  if (!filter) return null;
  const add = (event: Event) => {
    event.preventDefault();
    const chosen = filter.choices && value === "" ? filter.choices[0] : value.trim();
    if (chosen) setParams({ [filter.name]: chosen });
    type("");
  };
  const set = FILTERS.filter((one) => filters[one.name] !== undefined);
  return (
    <div class="filters">
      <form onSubmit={add} aria-label="Filter">
        <label>
          <span class="sr">Filter by</span>
          <select value={filter.name} onChange={(event) => { choose(event.currentTarget.value as FilterName); type(""); }}>
            {offered.map((one) => <option key={one.name} value={one.name}>{one.label}</option>)}
          </select>
        </label>
        <label class="grow">
          <span class="sr">Value</span>
          {filter.choices ? (
            <select value={value || filter.choices[0]} onChange={(event) => type(event.currentTarget.value)}>
              {filter.choices.map((choice) => <option key={choice} value={choice}>{words(choice)}</option>)}
            </select>
          ) : (
            <input value={value} list={`known-${filter.name}`} placeholder={filter.hint ?? "is exactly"} spellcheck={false}
              autocomplete="off" onInput={(event) => type(event.currentTarget.value)} />
          )}
        </label>
        {!filter.choices && (
          <datalist id={`known-${filter.name}`}>
            {(known.get(filter.name) ?? []).map((one) => <option key={one} value={one} />)}
          </datalist>
        )}
        <button type="submit">Filter</button>
      </form>
      {set.length > 0 && (
        <ul class="set" aria-label="Filters in force">
          {set.map((one) => {
            const held = filters[one.name] ?? "";
            const isIdle = takes !== undefined && !takes.includes(one.name);
            return (
              <li key={one.name} class={isIdle ? "idle" : ""} title={isIdle ? "This view cannot filter by it" : undefined}>
                <span>{one.label} <strong><Text of={one.choices ? words(held) : held} /></strong>{isIdle && " (not here)"}</span>
                <button type="button" class="small" aria-label={`Remove the filter ${one.label} ${visible(held)}`}
                  onClick={() => setParams({ [one.name]: null })}>Remove</button>
              </li>
            );
          })}
          {set.length > 1 && (
            <li>
              <button type="button" class="small"
                onClick={() => setParams(Object.fromEntries(set.map((one) => [one.name, null])))}>Remove all</button>
            </li>
          )}
        </ul>
      )}
    </div>
  );
}
