import { expect, test } from "vitest";

import { isDisguised, pieces, visible } from "../src/text/visible";

test.each([
  ["plain text is one piece", "etl", "etl"],
  ["letters of all scripts stay", "Zoë שלום 日本", "Zoë שלום 日本"],
  ["a text that is turned round is seen to be", "admin\u202etxt.exe", "admin⟨U+202E⟩txt.exe"],
  ["isolates and marks of direction", "\u2066a\u200f", "⟨U+2066⟩a⟨U+200F⟩"],
  ["what has no width", "a\u200bb\ufeff\u00ad", "a⟨U+200B⟩b⟨U+FEFF⟩⟨U+00AD⟩"],
  ["control characters", "a\u0000\u001b[31m", "a⟨U+0000⟩⟨U+001B⟩[31m"],
  ["line breaks, where there is one line", "a\nb\rc\u2028d", "a⟨U+000A⟩b⟨U+000D⟩c⟨U+2028⟩d"],
  ["a half of a pair", "a\ud800b", "a⟨U+D800⟩b"],
  ["tags, which hide a second text", "a\u{e0041}", "a⟨U+E0041⟩"],
  ["a pile of accents is cut", "e\u0301\u0301\u0301\u0301\u0301", "e\u0301\u0301\u0301…"],
  ["markup is text", "<b>&amp;</b>", "<b>&amp;</b>"],
])("%s", (_what, text, shown) => {
  expect(visible(text)).toBe(shown);
});

test("a statement keeps its lines, and nothing else that cannot be seen", () => {
  expect(pieces("a\n\tb\r", true)).toEqual([{ text: "a\n\tb" }, { text: "⟨U+000D⟩", mark: "U+000D carriage return" }]);
});

test("a disguise is noticed", () => {
  expect([isDisguised("etl"), isDisguised("et\u200bl")]).toEqual([false, true]);
});
