/** How near the graph is looked at. Pure. */

export interface Window {
  left: number;
  top: number;
  width: number;
  height: number;
}

const STEPS = [0.06, 0.1, 0.15, 0.22, 0.33, 0.5, 0.65, 0.8, 1, 1.25, 1.5, 2] as const;

/** Farther away than this, names cannot be read and are left out. */
export const FAR = 0.45;

/** The next step in or out. */
export function nearer(scale: number, direction: 1 | -1): number {
  if (direction > 0) return STEPS.find((one) => one > scale + 0.001) ?? scale;
  return [...STEPS].reverse().find((one) => one < scale - 0.001) ?? scale;
}

/** Wide graphs are made to fit the width as long as their names can be read; their height scrolls. */
export function fit(room: number, width: number): number {
  return width === 0 ? 1 : Math.max(0.66, Math.min(1, room / width));
}

/** The part of a window that lies on a plane. */
export function cut({ left, top, width, height }: Window, plane: { width: number; height: number }): Window {
  const [x, y] = [Math.max(0, left), Math.max(0, top)];
  return { left: x, top: y, width: Math.max(0, Math.min(plane.width, left + width) - x), height: Math.max(0, Math.min(plane.height, top + height) - y) };
}
