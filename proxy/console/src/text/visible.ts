/** Text that clients chose, with what changes its layout or cannot be seen made visible. Pure. */

/** A run of ordinary text, or one character that is shown by its number. */
export interface Piece {
  text: string;
  /** What the character is, where `text` stands for one. */
  mark?: string;
}

const NAMES: ReadonlyMap<number, string> = new Map([
  [0x00, "null"],
  [0x07, "bell"],
  [0x08, "backspace"],
  [0x09, "tab"],
  [0x0a, "line feed"],
  [0x0d, "carriage return"],
  [0x1b, "escape"],
  [0x7f, "delete"],
  [0x85, "next line"],
  [0xad, "soft hyphen"],
  [0x061c, "Arabic letter mark"],
  [0x180e, "Mongolian vowel separator"],
  [0x200b, "zero width space"],
  [0x200c, "zero width non-joiner"],
  [0x200d, "zero width joiner"],
  [0x200e, "left-to-right mark"],
  [0x200f, "right-to-left mark"],
  [0x2028, "line separator"],
  [0x2029, "paragraph separator"],
  [0x202a, "left-to-right embedding"],
  [0x202b, "right-to-left embedding"],
  [0x202c, "pop directional formatting"],
  [0x202d, "left-to-right override"],
  [0x202e, "right-to-left override"],
  [0x2060, "word joiner"],
  [0x2066, "left-to-right isolate"],
  [0x2067, "right-to-left isolate"],
  [0x2068, "first strong isolate"],
  [0x2069, "pop directional isolate"],
  [0xfeff, "zero width no-break space"],
  [0xfffd, "replacement character"],
]);

// Controls, format characters, separators of lines, lone surrogates, characters of private use, fillers and variation selectors.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\u115f\u1160\u3164\uffa0\ufe00-\ufe0f\ufffd\u{e0100}-\u{e01ef}]/gu;
/** More marks than a letter can bear lie over the lines around it. */
const PILE = /(\p{M}{3})\p{M}+/gu;

/** Cuts a text into what can be shown as it is and what is named instead. With `lines`, line feeds and tabs stay. */
export function pieces(text: string, lines = false): Piece[] {
  const found: Piece[] = [];
  let from = 0;
  const plain = (to: number) => {
    if (to > from) found.push({ text: text.slice(from, to).replace(PILE, "$1…") });
  };
  for (const match of text.matchAll(HIDDEN)) {
    const character = match[0];
    if (lines && (character === "\n" || character === "\t")) continue;
    plain(match.index);
    found.push(named(character));
    from = match.index + character.length;
  }
  plain(text.length);
  return found;
}

function named(character: string): Piece {
  const point = character.codePointAt(0) ?? 0;
  const number = `U+${point.toString(16).toUpperCase().padStart(4, "0")}`;
  const name = NAMES.get(point);
  return { text: `⟨${number}⟩`, mark: name ? `${number} ${name}` : number };
}

/** The same as one string: for attributes, titles and other places that take no markup. */
export function visible(text: string): string {
  return pieces(text)
    .map((piece) => piece.text)
    .join("");
}

/** Whether a text is shown otherwise than it is. */
export function isDisguised(text: string): boolean {
  return pieces(text).some((piece) => piece.mark !== undefined);
}
