/** A trend as small bars. */

import { count } from "../../text/format";

const HEIGHT = 22;
const BAR = 5;

export function Spark({ of, most }: { of: readonly number[]; most: number }) {
  const total = of.reduce((sum, value) => sum + value, 0);
  const peak = Math.max(0, ...of);
  return (
    <svg class="spark" width={of.length * BAR} height={HEIGHT} viewBox={`0 0 ${of.length * BAR} ${HEIGHT}`} role="img"
      aria-label={`${count(total)} in all, at most ${count(peak)} in one bar`}>
      <line x1="0" x2={of.length * BAR} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} />
      {of.map((value, index) => {
        const height = value === 0 ? 0 : Math.max(2, (value / most) * (HEIGHT - 2));
        return height > 0 && <rect key={index} x={index * BAR} y={HEIGHT - 1 - height} width={BAR - 1} height={height} />;
      })}
    </svg>
  );
}
