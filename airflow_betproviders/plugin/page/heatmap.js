// A stream's slots as a calendar: a column a day and a row an hour; on few days a column an hour and a single row.
import { DAY, HOUR, iso, make, plural, showInterval } from "./format.js";

// Which state a square shows that several slots share: what needs a person comes first.
const URGENT = ["damaged", "missing", "expired", "quarantined", "shrunken", "pending", "complete", "empty"];
const LEVELS = 5;
const FEW_DAYS = 7;

/** How wide the columns of a span of days are, in seconds. */
export const columnOf = (span) => (span.end - span.start <= FEW_DAYS * DAY ? HOUR : DAY);

/**
 * The squares of a stream.
 *
 * @param slots {start, end, state, rows} in order of time
 * @param span {start, end} of the page's days, in seconds
 * @returns {columns, rows, squares}: each square has its slots and its place: column, row, width, height
 */
export function layOut(slots, span) {
  const size = columnOf(span);
  const columns = Math.round((span.end - span.start) / size);
  const rows = size === HOUR || slots.every((slot) => slot.end - slot.start >= DAY) ? 1 : 24;
  const unit = size / rows;
  const squares = new Map();
  const put = (column, row, width, height, slot) => {
    if (column + width <= 0 || column >= columns) return;
    const first = Math.max(0, column);
    const key = `${first} ${row}`;
    const square = squares.get(key);
    if (square) {
      square.slots.push(slot);
      square.height = Math.max(square.height, height);
    } else {
      const last = Math.min(columns, column + width);
      squares.set(key, { column: first, row, width: last - first, height, slots: [slot] });
    }
  };
  for (const slot of slots) {
    const first = Math.floor((slot.start - span.start) / unit);
    const last = Math.max(first + 1, Math.ceil((slot.end - span.start) / unit));
    if (rows === 1) {
      put(first, 0, size === HOUR ? last - first : 1, 1, slot);
      continue;
    }
    for (let at = first; at < last;) {
      const column = Math.floor(at / rows);
      const height = Math.min(last, (column + 1) * rows) - at;
      put(column, at - column * rows, 1, height, slot);
      at += height;
    }
  }
  return { columns, rows, squares: [...squares.values()] };
}

export const worst = (slots) => URGENT.find((state) => slots.some((slot) => slot.state === state));

export function describe(square) {
  const { slots } = square;
  const [first, last] = [slots[0], slots[slots.length - 1]];
  const states = [...new Set(slots.map((slot) => slot.state))].join(", ");
  const known = slots.filter((slot) => slot.rows !== null);
  const rows = known.reduce((sum, slot) => sum + slot.rows, 0);
  const many = slots.length > 1 ? `, ${slots.length} slots` : "";
  return `${showInterval(first.start, last.end)}${many}: ${states}${known.length ? `, ${plural(rows, "row")}` : ""}`;
}

/** The grid; `now` is the column of the present. `choose` is called with a square that is clicked or entered; `tip` with the one that is pointed at. */
export function heatmap(name, layout, now, choose, tip) {
  const { columns, rows, squares } = layout;
  const most = scale(squares);
  const grid = make("div", { class: "heatmap", role: "grid", "aria-label": `Slots of ${name}` });
  grid.style.setProperty("--columns", columns);
  grid.style.setProperty("--rows", rows);
  grid.classList.toggle("single", rows === 1);
  const places = new Map();
  const lines = Array.from({ length: rows }, () => make("div", { role: "row", class: "line" }));
  for (const [number, square] of squares.entries()) {
    const cell = document.createElement("div");
    const state = worst(square.slots);
    cell.className = `square ${state}`;
    if (state === "complete") cell.classList.add(`level-${level(square, most)}`);
    cell.setAttribute("role", "gridcell");
    cell.setAttribute("aria-label", describe(square));
    cell.tabIndex = -1;
    cell.dataset.square = number;
    cell.dataset.start = iso(square.slots[0].start);
    cell.style.gridArea = `${square.row + 1} / ${square.column + 2} / span ${square.height} / span ${square.width}`;
    square.element = cell;
    lines[square.row].append(cell);
    for (let row = square.row; row < square.row + square.height; row++)
      for (let column = square.column; column < square.column + square.width; column++)
        places.set(`${column} ${row}`, square);
  }
  for (const hour of rows === 24 ? [0, 6, 12, 18] : []) {
    const label = make("div", { class: "hour", "aria-hidden": "true" }, `${String(hour).padStart(2, "0")}:00`);
    label.style.gridArea = `${hour + 1} / 1 / span 3`;
    grid.append(label);
  }
  if (rows === 24) {
    const title = make("div", { class: "axis", "aria-hidden": "true" }, "Hour (UTC)");
    title.style.gridArea = `1 / 1 / span ${rows}`;
    grid.append(title);
  }
  const first = Math.min(...squares.map((square) => square.column));
  if (squares.length && first > columns / 4) {
    const before = make("div", { class: "before", "aria-hidden": "true" }, "Nothing stored before");
    before.style.gridArea = `1 / 2 / span ${rows} / span ${first}`;
    grid.append(before);
  }
  if (0 <= now && now < columns) {
    const today = make("div", { class: "today", "aria-hidden": "true" });
    today.style.gridArea = `1 / ${now + 2} / span ${rows}`;
    grid.append(today);
  }
  grid.append(...lines);

  const of = (event) => squares[event.target.closest?.(".square")?.dataset.square];
  const focus = (square) => {
    if (!square) return;
    grid.querySelector('.square[tabindex="0"]')?.setAttribute("tabindex", "-1");
    square.element.tabIndex = 0;
    square.element.focus();
  };
  const beside = (square, across, down) => {
    let { column, row } = square;
    if (down > 0) row += square.height - 1;
    if (across > 0) column += square.width - 1;
    for (let step = 0; step < columns + rows; step++) {
      column += across;
      row += down;
      const found = places.get(`${column} ${row}`);
      if (found && found !== square) return found;
    }
    return null;
  };
  grid.addEventListener("click", (event) => of(event) && choose(of(event)));
  grid.addEventListener("pointerover", (event) => tip(of(event)));
  grid.addEventListener("pointerleave", () => tip());
  grid.addEventListener("focusin", (event) => tip(of(event)));
  grid.addEventListener("focusout", () => tip());
  grid.addEventListener("keydown", (event) => {
    const square = of(event);
    if (!square) return;
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (moves[event.key]) focus(beside(square, ...moves[event.key]));
    else if (event.key === "Home") focus(squares[0]);
    else if (event.key === "End") focus(squares[squares.length - 1]);
    else if (event.key === "Enter" || event.key === " ") choose(square);
    else return;
    event.preventDefault();
  });
  const start = squares.find((square) => worst(square.slots) === "missing") ?? squares[squares.length - 1];
  if (start) start.element.tabIndex = 0;
  return grid;
}

const rowsOf = (square) => square.slots.reduce((sum, slot) => sum + (slot.rows ?? 0), 0);

/** The rows that count as many: one extraordinary hour must not make all others pale. */
function scale(squares) {
  const found = squares
    .map(rowsOf)
    .filter(Boolean)
    .sort((a, b) => a - b);
  return found[Math.floor(found.length * 0.95)] ?? found[found.length - 1] ?? 1;
}

const level = (square, most) => Math.max(1, Math.min(LEVELS, Math.ceil((rowsOf(square) / most) * LEVELS)));
