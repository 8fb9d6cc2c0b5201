/** Lays graphs out beside the page, which goes on. */

import { layout, type LayoutQuestion } from "./layout";

addEventListener("message", (event: MessageEvent<LayoutQuestion>) => {
  postMessage(layout(event.data));
});
