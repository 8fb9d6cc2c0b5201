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
  /** Scrolls there when it changes. */
  reveal: number | null;
  head: ComponentChildren;
  row: (index: number) => ComponentChildren;
  atTop: (isAtTop: boolean) => void;
}) {
  const { total, height, added, reveal, atTop } = props;
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, size: 800 });
  const before = useRef(added);

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
    const element = box.current;
    const came = added - before.current;
    before.current = added;
    if (element && came > 0 && element.scrollTop >= height / 2) {
      element.scrollTop += came * height;
      look();
    }
  }, [added]);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element || reveal === null) return;
    const top = reveal * height;
    if (top < element.scrollTop || top + height > element.scrollTop + element.clientHeight) {
      element.scrollTop = Math.max(0, top - element.clientHeight / 2);
    }
    look();
  }, [reveal]);

  const first = Math.max(0, Math.floor(view.top / height) - BEYOND);
  const last = Math.min(total, Math.ceil((view.top + view.size) / height) + BEYOND);
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
