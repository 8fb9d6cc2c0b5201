/** Statements with roles as they are judged. */

import { useEffect, useMemo, useState } from "preact/hooks";

import { token } from "../api/client";
import { filtersOf, isEmpty } from "../filters";
import { route, setParams } from "../route";
import { count, counted } from "../text/format";
import { FilterBar } from "../ui/filterbar";
import { isNarrow } from "../ui/media";
import { Nothing } from "../ui/parts";
import { Text } from "../ui/text";
import { VirtualList } from "../ui/virtual";
import { Feed } from "./live/feed";
import { Details } from "./live/details";
import { Head, Row } from "./live/row";

const ROW = 34;
const NARROW_ROW = 92;

export function Live() {
  const filters = filtersOf(route.value.params);
  const key = JSON.stringify(filters);
  const shown = token.value;
  const feed = useMemo(() => new Feed(filters), [key, shown]);
  const [isAtTop, setAtTop] = useState(true);
  useEffect(() => {
    feed.start();
    return () => feed.stop();
  }, [feed]);
  const version = feed.version.value;
  const known = useMemo(() => feed.held.seen(), [feed, Math.floor(version / 50), version > 0]);
  const open = route.value.params.get("id") ?? null;
  useEffect(() => {
    if (isAtTop) feed.fresh.value = 0;
  }, [isAtTop, version]);
  const total = feed.held.size;
  return (
    <div class={`live ${open === null ? "" : "with-details"}`}>
      <div class="list">
        <h1>Live</h1>
        <FilterBar known={known} />
        <Bar feed={feed} held={total} isAtTop={isAtTop} />
        {total === 0 ? (
          <Nothing>
            {feed.state.value === "broken" ? <>The stream cannot be read: <Text of={feed.reason.value ?? ""} /></>
              : isEmpty(filters) ? "No statement with a role yet. The next one appears here by itself."
              : "No statement that the gate still holds passes these filters. The next one appears here by itself."}
          </Nothing>
        ) : (
          <VirtualList label="Decisions, newest first" total={total} height={isNarrow.value ? NARROW_ROW : ROW} added={feed.added}
            reveal={open === null ? null : { id: open, index: feed.held.indexOf(open) }} head={<Head />} atTop={setAtTop}
            row={(index) => {
              const decision = feed.held.row(index);
              return decision && <Row key={decision.id} of={decision} index={index} isOpen={decision.id === open} open={(id) => setParams({ id })} />;
            }} />
        )}
      </div>
      {open !== null && <Details id={open} again={feed.held.find(open)?.outcome ?? null} close={() => close(open)} />}
    </div>
  );
}

/** Closes the record, and goes back to its row. */
function close(id: string): void {
  setParams({ id: null });
  requestAnimationFrame(() => document.querySelector<HTMLElement>(`.decision[data-id="${CSS.escape(id)}"] button`)?.focus());
}

function Bar({ feed, held, isAtTop }: { feed: Feed; held: number; isAtTop: boolean }) {
  const lost = feed.lost.value;
  const toTop = () => document.querySelector(".virtual-box")?.scrollTo({ top: 0 });
  return (
    <div class="bar">
      <button type="button" aria-pressed={feed.isPaused.value} onClick={() => feed.pause(!feed.isPaused.value)}>
        {feed.isPaused.value ? "Go on" : "Pause"}
      </button>
      {feed.older.value !== null && <button type="button" onClick={() => void feed.more()}>Load older</button>}
      <p class="note">
        <span>{counted(held, "decision")}</span>
        {feed.isPaused.value && <span>paused, {count(feed.waiting.value)} waiting</span>}
        {feed.state.value === "connecting" && <span>connecting</span>}
        {feed.state.value === "broken" && <span>interrupted, connecting again</span>}
        {lost > 0 && <span class="lost" title="This page did not read fast enough, so the gate let go of them.">lost {count(lost)}</span>}
      </p>
      {!isAtTop && feed.fresh.value > 0 && (
        <button type="button" class="small" onClick={toTop}>{count(feed.fresh.value)} new, to the top</button>
      )}
    </div>
  );
}
