/** Whether the page is narrow. */

import { signal } from "@preact/signals";

const query = matchMedia("(max-width: 720px)");

export const isNarrow = signal(query.matches);
query.addEventListener("change", (event) => {
  isNarrow.value = event.matches;
});
