// What is known of one slot: its receipt, who wrote it, where it lies, and what to do where there is none.
import { ask, dagPage, runPage, taskPage } from "./airflow.js";
import {
  amount,
  bytes,
  count,
  duration,
  iso,
  make,
  plural,
  seconds,
  showInstant,
  showInterval,
  showLongDay,
  showTimes,
} from "./format.js";
import { openBackfill } from "./backfill.js";

const panel = document.querySelector("#panel");
let shown = 0; // an answer that comes late is not for the slot that is shown by then
let returnTo = null;

export function closePanel() {
  if (panel.hidden) return;
  panel.hidden = true;
  document.body.classList.remove("with-panel");
  document.querySelector(".square.chosen")?.classList.remove("chosen");
  returnTo?.focus();
}

addEventListener("keydown", (event) => event.key === "Escape" && closePanel());

/** Show a square's slot; of several, the one that is picked. */
export function openPanel(stream, square, page) {
  document.querySelector(".square.chosen")?.classList.remove("chosen");
  square.element.classList.add("chosen");
  returnTo = square.element;
  document.body.classList.add("with-panel");
  requestAnimationFrame(() => uncover(square.element));
  const pick = square.slots.find((slot) => !["complete", "empty"].includes(slot.state)) ?? square.slots[0];
  show(stream, square.slots, pick, page);
}

/** Scroll so that a square is seen beside the panel, or above it where the window is narrow. */
function uncover(square) {
  const box = square.getBoundingClientRect();
  const free = panel.getBoundingClientRect().left > 0 ? innerHeight : innerHeight - panel.offsetHeight;
  if (box.top < 0 || box.bottom > free) scrollBy({ top: box.top - free / 2 });
}

async function show(stream, slots, slot, page) {
  const turn = ++shown;
  const body = make(
    "div",
    { class: "receipt" },
    slot.rows === null ? null : make("p", { class: "quiet" }, "Reading the receipt …"),
  );
  const parts = [
    make("button", { class: "close", "aria-label": "Close", onclick: closePanel }, "×"),
    make("p", { class: "quiet" }, stream.name),
    make("h2", {}, showLongDay(slot.start)),
    make("p", { class: "when" }, `${showTimes(slot.start, slot.end)} UTC`),
    slots.length > 1 ? choice(stream, slots, slot, page) : null,
    make(
      "p",
      { class: "state" },
      make("span", { class: `chip ${slot.state}` }, slot.state),
      ` ${page.states[slot.state]}`,
    ),
    body,
    actions(stream, slot, page),
  ];
  panel.replaceChildren(...parts.filter(Boolean));
  panel.hidden = false;
  panel.querySelector(".close").focus({ preventScroll: true });
  if (slot.rows === null) {
    body.append(until(stream, slot));
    return;
  }
  try {
    const receipt = await ask("slot", { ...stream.query, start: iso(slot.start), end: iso(slot.end) });
    if (turn === shown) body.replaceChildren(...detailsOf(receipt, stream, slot));
  } catch (problem) {
    if (turn === shown) body.replaceChildren(make("p", { class: "problem" }, problem.message));
  }
}

function choice(stream, slots, slot, page) {
  const select = make(
    "select",
    { "aria-label": "Slot", onchange: () => show(stream, slots, slots[select.selectedIndex], page) },
    slots.map((each) =>
      make("option", { selected: each === slot }, `${showInterval(each.start, each.end)}: ${each.state}`),
    ),
  );
  return select;
}

const keeps = (stream, slot) => (stream.retention === null ? null : slot.start + stream.retention);

function until(stream, slot) {
  const end = keeps(stream, slot);
  if (end === null) return make("p", {}, "The provider states no limit to how long it keeps these rows.");
  const now = Date.now() / 1000;
  const when = `${showInstant(end)} UTC (${end < now ? `${duration(now - end)} ago` : `in ${duration(end - now)}`})`;
  return make(
    "p",
    {},
    end < now ? `The provider kept these rows until ${when}.` : `The provider keeps these rows until ${when}.`,
  );
}

function detailsOf(receipt, stream, slot) {
  const total = receipt.total === null ? "none given" : count(receipt.total);
  const written = receipt.dag_id
    ? [
        link(taskPage(receipt.dag_id, receipt.run_id, receipt.task_id), receipt.task_id),
        " of ",
        link(dagPage(receipt.dag_id), receipt.dag_id),
      ]
    : "not recorded";
  const facts = [
    [
      "Rows",
      [count(receipt.rows), receipt.previous_rows === null ? "" : quiet(` before: ${count(receipt.previous_rows)}`)],
    ],
    ["Provider's total", total],
    [
      "Proven by",
      parts(receipt.proof, (kind, number) => `${kind.replaceAll("_", " ")} (${plural(number, "window")})`),
    ],
    ["Odd values", parts(receipt.odd_values, (name, number) => `${count(number)} in ${name}`, ODD)],
    ["Rounded", parts(receipt.rounded, (name, number) => `${count(number)} in ${name}`, ROUNDED)],
    receipt.bad_rows ? ["In quarantine", plural(receipt.bad_rows, "row")] : null,
    ["Fetched in", `${plural(receipt.windows, "window")}, ${plural(receipt.calls, "call")}, ${bytes(receipt.bytes)}`],
    receipt.duplicates || receipt.outside || receipt.reread
      ? [
          "Repaired",
          [
            receipt.duplicates ? `${plural(receipt.duplicates, "row")} came twice. ` : "",
            receipt.outside ? `${plural(receipt.outside, "row")} outside the slot. ` : "",
            receipt.reread ? `${plural(receipt.reread, "window")} read again.` : "",
          ],
        ]
      : null,
    ["Read", `${showInstant(seconds(receipt.extracted_at))} UTC`],
    receipt.replayed_at ? ["Rebuilt", `${showInstant(seconds(receipt.replayed_at))} UTC, from the archive`] : null,
    ["Written by", written],
    [
      "Run",
      receipt.dag_id && receipt.run_id
        ? link(runPage(receipt.dag_id, receipt.run_id), receipt.run_id)
        : (receipt.run_id ?? "not recorded"),
    ],
    receipt.try_number > 1 ? ["Try", count(receipt.try_number)] : null,
    Object.keys(receipt.pii).length
      ? [
          "Dropped or hashed",
          Object.entries(receipt.pii)
            .map(([name, how]) => `${name} (${how})`)
            .join(", "),
        ]
      : null,
  ].filter((fact) => fact?.[1]);
  const { amounts } = receipt;
  const minor = amounts.filter((each) => each.minor_units > 1);
  return [
    make(
      "dl",
      {},
      facts.map(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]),
    ),
    amounts.length
      ? make(
          "table",
          { class: "sums" },
          make("caption", {}, "Exact sums in currency units, all currencies together"),
          make(
            "tbody",
            {},
            amounts.map((each) =>
              make("tr", {}, make("th", { scope: "row" }, each.column), make("td", {}, amount(each.amount))),
            ),
          ),
        )
      : null,
    minor.length
      ? make("p", { class: "quiet" }, `The provider sends amounts in 1/${count(minor[0].minor_units)} of a currency unit; they are divided here.`)
      : null,
    make("p", { class: "quiet label" }, "Object"),
    make("code", {}, receipt.path),
    until(stream, slot),
  ].filter(Boolean);
}

const ODD = "Stored as null; the provider's own text is in _extra.";
const ROUNDED = "Half-even to the column's decimals; the provider's own text is in _extra.";

/** Counts by name as text; nothing where there are none, as in receipts of earlier versions. */
function parts(counts, show, note) {
  const found = Object.entries(counts ?? {});
  if (!found.length) return null;
  const text = found.map(([name, number]) => show(name, number)).join(", ");
  return note ? [text, make("span", { class: "quiet note" }, note)] : text;
}

const quiet = (text) => make("span", { class: "quiet" }, text);
const link = (href, text) => make("a", { href, "data-airflow": true }, text);

function actions(stream, slot, page) {
  const end = keeps(stream, slot);
  const gone = end !== null && end < Date.now() / 1000;
  if (slot.state === "pending" || slot.state === "expired" || gone) return null;
  const gap = stream.gaps.find((each) => each.start <= slot.start && slot.end <= each.end);
  const one = { start: slot.start, end: slot.end, state: slot.state, slots: 1 };
  const button = (text, range, main) =>
    make("button", { class: main ? "main" : "", onclick: () => openBackfill(stream, range, page) }, text);
  if (!gap) return make("p", { class: "actions" }, button("Load this slot again …", one, false));
  return make(
    "p",
    { class: "actions" },
    button(gap.slots > 1 ? `Backfill this gap (${plural(gap.slots, "slot")}) …` : "Backfill this gap …", gap, true),
    gap.slots > 1 ? button("Only this slot …", one, false) : null,
  );
}
