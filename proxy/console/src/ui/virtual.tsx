/** A long list of which only what can be seen is there. What is in view stays in view when rows come on top. */

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** Rows beyond the edges, so that a fast wheel meets no gap. */
const BEYOND = 8;

export function VirtualList(props: {
  label: string;
  total: number;
  height: number;
  /** The sum of all rows that ever came on top. */
  added: number;
  /** What is to be in view once, and where it stands by now. */
  reveal: { id: string; index: number | null } | null;
  head: ComponentChildren;
  row: (index: number) => ComponentChildren;
  atTop: (isAtTop: boolean) => void;
}) {
  const { total, height, added, reveal, atTop } = props;
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, size: 800 });
  const before = useRef(added);
  const revealed = useRef<string | null>(null);

  /** How far the rows in view go down by what came on top, where they are to stay in view. */
  const shiftOf = () => {
    const [element, came] = [box.current, added - before.current];
    return element && came > 0 && (element.scrollTop >= height / 2 || isBusyWith(element)) ? came * height : 0;
  };
  const look = () => {
    const element = box.current;
    if (!element) return;
    setView({ top: element.scrollTop, size: element.clientHeight });
    atTop(element.scrollTop < height / 2);
  };
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    const shift = shiftOf();
    before.current = added;
    if (box.current && shift > 0) {
      box.current.scrollTop += shift;
      look();
    }
  }, [added]);
  useLayoutEffect(() => {
    const element = box.current;
    if (reveal === null) revealed.current = null;
    if (!element || reveal === null || reveal.index === null || revealed.current === reveal.id) return;
    revealed.current = reveal.id;
    const top = reveal.index * height;
    if (top < element.scrollTop || top + height > element.scrollTop + element.clientHeight) {
      element.scrollTop = Math.max(0, top - element.clientHeight / 2);
    }
    look();
  }, [reveal?.id, reveal?.index]);

  // Rows that stay in view are not taken out and put in again: they hold a selection or the focus.
  const top = view.top + shiftOf();
  const first = Math.max(0, Math.floor(top / height) - BEYOND);
  const last = Math.min(total, Math.ceil((top + view.size) / height) + BEYOND);
  const rows: ComponentChildren[] = [];
  for (let index = first; index < last; index += 1) rows.push(props.row(index));
  return (
    <div class="virtual" role="table" aria-label={props.label} aria-rowcount={total + 1}>
      {props.head}
      <div class="virtual-box" ref={box} onScroll={look} role="rowgroup" tabIndex={0}>
        <div role="presentation" style={{ height: `${total * height}px` }}>
          <div role="presentation" style={{ transform: `translateY(${first * height}px)` }}>{rows}</div>
        </div>
      </div>
    </div>
  );
}

/** Whether somebody has selected a text of a row, or has the focus in one: then it stays, at the top of the list too. */
function isBusyWith(box: HTMLElement): boolean {
  const [selection, focus] = [getSelection(), document.activeElement];
  const isSelected = selection !== null && !selection.isCollapsed && box.contains(selection.anchorNode);
  return isSelected || (focus !== null && focus !== box && box.contains(focus));
}
