// Rows as bars and GGR a day as a line, under the columns of the calendar.
import { DAY, HOUR, amount, compact, count, showDay, showInterval } from "./format.js";

const LEFT = 72; // as wide as the calendar's gutters
const RIGHT = 72;
const HEIGHT = 150;
const TITLE = 16;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * @param place the element to draw in
 * @param columns {start, end, rows, ggr, turnover}: rows and amounts may be null; amounts are decimal text
 * @param currency of the amounts
 * @param now the column of the present, or one that is not there
 * @param tip called with a text, or nothing
 */
export function chart(place, columns, currency, now, tip) {
  const lines = columns.some((each) => each.ggr !== null);
  const hourly = columns.length > 1 && columns[0].end - columns[0].start < DAY;
  const data = [
    columns.map((_, at) => at),
    columns.map((each) => each.rows),
    columns.map((each) => each.ggr && Number(each.ggr)),
  ];
  const font = "11px system-ui, sans-serif";
  const axis = {
    stroke: colour("--muted"),
    font,
    labelFont: font,
    labelSize: TITLE,
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
      x: { time: false, range: [-0.5, columns.length - 0.5] },
      rows: { range: (_, low, high) => [0, high || 1] },
      ggr: { range: (_, low, high) => [Math.min(0, low ?? 0), Math.max(0, high ?? 0) || 1] },
    },
    axes: [
      {
        ...axis,
        label: hourly ? "Hour (UTC)" : "Day (UTC)",
        grid: { show: false },
        size: 24,
        gap: 7,
        splits: (plot) => marks(columns, now, plot.bbox.width / devicePixelRatio / columns.length),
        values: (_, splits) => splits.map((at) => nameOf(columns[at], at === now)),
      },
      {
        ...axis,
        scale: "rows",
        label: `Rows per ${hourly ? "hour" : "day"}`,
        size: LEFT - TITLE,
        space: 26,
        values: (_, splits) => splits.map((at) => (Number.isInteger(at) ? compact(at) : "")),
      },
      {
        ...axis,
        scale: "ggr",
        label: `GGR per day, ${currency}`,
        side: 1,
        size: RIGHT - TITLE,
        space: 26,
        show: lines,
        grid: { show: false },
        values: (_, splits) => splits.map(compact),
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
        paths: uPlot.paths.bars({ size: [0.72, 60], radius: 0.12 }),
      },
      {
        scale: "ggr",
        stroke: colour("--ggr"),
        width: hourly ? 0 : 2,
        show: lines,
        points: { show: hourly || columns.length < 20, size: hourly ? 9 : 6, fill: colour("--ggr") },
      },
    ],
    hooks: {
      setCursor: [
        (plot) => {
          const at = plot.cursor.idx;
          const out = at === null || at === undefined || plot.cursor.left < 0;
          tip(out ? null : detailsOf(columns[at], currency), plot.over);
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

/** The columns that are named: the present, and as many others at regular times as there is room for. */
function marks(columns, now, width) {
  const all = columns.map((_, at) => at);
  const size = columns.length ? columns[0].end - columns[0].start : DAY;
  // Days are named by the week from a Monday on, hours by the day.
  const steps = size < DAY ? [1, 3, 6, 12, 24] : [1, 7, 28];
  const every = steps.find((step) => step * width >= 62) ?? steps.at(-1);
  const base = size < DAY ? 0 : 3;
  const regular = all.filter((at) => (Math.floor(columns[at].start / size) + base) % every === 0);
  const apart = regular.filter((at) => Math.abs(at - now) * width >= 62);
  return (now in all ? [...apart, now] : apart).sort((a, b) => a - b);
}

function nameOf(column, present) {
  const hourly = column.end - column.start < DAY;
  if (present) return hourly ? "Now" : "Today";
  if (hourly && column.start % DAY) return `${String((column.start % DAY) / HOUR).padStart(2, "0")}:00`;
  return hourly ? showDay(column.start) : showDay(column.start).replace(/^\w+,? /, "");
}

function detailsOf(column, currency) {
  const rows = column.rows === null ? "nothing stored" : `${count(column.rows)} rows`;
  const money =
    column.ggr === null
      ? ""
      : `; GGR of ${showDay(column.start)}: ${amount(column.ggr)} ${currency} of ${amount(column.turnover)} turnover`;
  return `${showInterval(column.start, column.end)}: ${rows}${money}`;
}
