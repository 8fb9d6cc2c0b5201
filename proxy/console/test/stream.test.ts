import { expect, test } from "vitest";

import { EventParser } from "../src/api/sse";

const TEXT = "id: 1-0\nevent: open\ndata: {}\n\n: nothing new\n\nid: 1-2\r\nevent: decision\r\ndata: a\r\ndata: b\r\n\r\nevent: lost\ndata:3\n\nevent: empty\n\n";
const EVENTS = [
  { event: "open", data: "{}", id: "1-0" },
  { event: "decision", data: "a\nb", id: "1-2" },
  { event: "lost", data: "3", id: "1-2" },
];

test("events are the same wherever the stream is cut", () => {
  for (let at = 0; at <= TEXT.length; at += 1) {
    const parser = new EventParser();
    expect([...parser.push(TEXT.slice(0, at)), ...parser.push(TEXT.slice(at))]).toEqual(EVENTS);
  }
});

test("an event that is not whole yet is not told", () => {
  expect(new EventParser().push("event: decision\ndata: a\n")).toEqual([]);
});
