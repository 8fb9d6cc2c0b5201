/** How large a node is drawn: apart from the layout, which the page itself does not load. */

export const NODE = { width: 188, height: 42 };
