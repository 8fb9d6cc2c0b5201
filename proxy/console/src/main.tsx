import "./style/base.css";
import "./style/parts.css";
import "./style/live.css";
import "./style/record.css";
import "./style/graph.css";
import "./style/pages.css";

import { render } from "preact";

import { App } from "./app";

const place = document.getElementById("app");
if (place) {
  place.replaceChildren();
  render(<App />, place);
}
