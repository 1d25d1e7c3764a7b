// Rows a day as bars, GGR a day as a line, under the columns of the calendar.
import { DAY, amount, compact, count, showDay } from "./format.js";

const LEFT = 56;
const RIGHT = 60;
const HEIGHT = 118;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * @param place the element to draw in
 * @param days {start, rows, ggr, turnover}: rows and amounts may be null; amounts are decimal text
 * @param tip called with a text, or nothing
 */
export function chart(place, days, currency, tip) {
  const lines = days.some((day) => day.ggr !== null);
  const data = [days.map((_, at) => at), days.map((day) => day.rows), days.map((day) => day.ggr && Number(day.ggr))];
  const font = "11px system-ui, sans-serif";
  const axis = {
    stroke: colour("--muted"),
    font,
    ticks: { show: false },
    grid: { stroke: colour("--line"), width: 1 },
  };
  const options = {
    width: Math.max(200, place.clientWidth),
    height: HEIGHT,
    padding: [10, lines ? 0 : RIGHT, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { time: false, range: [-0.5, days.length - 0.5] },
      rows: { range: (_, low, high) => [0, high || 1] },
      ggr: { range: (_, low, high) => [Math.min(0, low ?? 0), Math.max(0, high ?? 0) || 1] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 22,
        gap: 4,
        splits: () => marks(days),
        values: (_, splits) => splits.map((at) => showDay(days[at].start).replace(/^\w+,? /, "")),
      },
      { ...axis, scale: "rows", size: LEFT, space: 26, values: (_, splits) => splits.map(compact) },
      {
        ...axis,
        scale: "ggr",
        side: 1,
        size: RIGHT,
        space: 26,
        show: lines,
        grid: { show: false },
        values: (_, s) => s.map(compact),
      },
    ],
    series: [
      {},
      {
        scale: "rows",
        fill: colour("--bar"),
        stroke: colour("--bar"),
        width: 0,
        points: { show: false },
        paths: uPlot.paths.bars({ size: [0.72, 36], radius: 0.12 }),
      },
      { scale: "ggr", stroke: colour("--ggr"), width: 2, show: lines, points: { show: days.length < 20, size: 5 } },
    ],
    hooks: {
      setCursor: [
        (plot) => {
          const at = plot.cursor.idx;
          tip(at === null || at === undefined || plot.cursor.left < 0 ? null : told(days[at], currency), plot.over);
        },
      ],
    },
  };
  const plot = new uPlot(options, data, place);
  const observer = new ResizeObserver(() => plot.setSize({ width: Math.max(200, place.clientWidth), height: HEIGHT }));
  observer.observe(place);
  return () => {
    observer.disconnect();
    plot.destroy();
  };
}

/** The places of the days that are named: Mondays, or each where there are few. */
function marks(days) {
  const all = days.map((_, at) => at);
  if (days.length <= 14) return all;
  const every = days.length <= 95 ? 7 : 28;
  return all.filter((at) => Math.floor(days[at].start / DAY + 3) % every === 0);
}

function told(day, currency) {
  const money = day.ggr === null ? "" : `, GGR ${amount(day.ggr)} ${currency} of ${amount(day.turnover)} turnover`;
  return `${showDay(day.start)}: ${day.rows === null ? "nothing stored" : `${count(day.rows)} rows`}${money}`;
}
