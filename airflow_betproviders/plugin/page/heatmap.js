// A stream's slots as a calendar: a column a day, a row an hour; one row where slots are as wide as a day.
import { DAY, iso, make, plural, showInterval } from "./format.js";

// Which state a square shows that several slots share: what needs a person comes first.
const URGENT = ["damaged", "missing", "expired", "quarantined", "shrunken", "pending", "complete", "empty"];
const LEVELS = 5;

/**
 * The squares of a stream.
 *
 * @param slots {start, end, state, rows} in order of time
 * @param span {start, end} of the page's days, in seconds
 * @returns {days, rows, squares}: each square has its slots and its place: column, row, height
 */
export function layOut(slots, span) {
  const days = Math.round((span.end - span.start) / DAY);
  const rows = slots.every((slot) => slot.end - slot.start >= DAY) ? 1 : 24;
  const unit = DAY / rows;
  const squares = new Map();
  const put = (column, row, height, slot) => {
    if (column < 0 || column >= days) return;
    const key = `${column} ${row}`;
    const square = squares.get(key);
    if (square) {
      square.slots.push(slot);
      square.height = Math.max(square.height, height);
    } else squares.set(key, { column, row, height, slots: [slot] });
  };
  for (const slot of slots) {
    const first = Math.floor((slot.start - span.start) / unit);
    const last = rows === 1 ? first + 1 : Math.max(first + 1, Math.ceil((slot.end - span.start) / unit));
    for (let at = first; at < last;) {
      const column = Math.floor(at / rows);
      const height = Math.min(last, (column + 1) * rows) - at;
      put(column, at - column * rows, height, slot);
      at += height;
    }
  }
  return { days, rows, squares: [...squares.values()] };
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

/** The grid. `choose` is called with a square that is clicked or entered; `tip` with the one that is pointed at. */
export function heatmap(name, layout, choose, tip) {
  const { days, rows, squares } = layout;
  const most = scale(squares);
  const grid = make("div", { class: "heatmap", role: "grid", "aria-label": `Slots of ${name}` });
  grid.style.setProperty("--days", days);
  grid.style.setProperty("--rows", rows);
  grid.classList.toggle("daily", rows === 1);
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
    cell.style.gridArea = `${square.row + 1} / ${square.column + 2} / span ${square.height}`;
    square.element = cell;
    lines[square.row].append(cell);
    for (let row = square.row; row < square.row + square.height; row++) places.set(`${square.column} ${row}`, square);
  }
  for (const hour of rows === 24 ? [0, 6, 12, 18] : []) {
    const label = make("div", { class: "hour", "aria-hidden": "true" }, `${String(hour).padStart(2, "0")}:00`);
    label.style.gridArea = `${hour + 1} / 1 / span 3`;
    grid.append(label);
  }
  grid.append(...lines);

  const of = (event) => squares[event.target.closest?.(".square")?.dataset.square];
  const focus = (square) => {
    if (!square) return;
    grid.querySelector('.square[tabindex="0"]')?.setAttribute("tabindex", "-1");
    square.element.tabIndex = 0;
    square.element.focus();
  };
  const beside = (square, columns, down) => {
    let { column, row } = square;
    if (down > 0) row += square.height - 1;
    for (let step = 0; step < days + rows; step++) {
      column += columns;
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
