// Puts the page together: asks for the streams, draws a card for each, and follows a backfill until its gap is filled.
import { ask, leadOut, opened } from "./airflow.js";
import { nothing } from "./empty.js";
import { chart } from "./chart.js";
import {
  DAY,
  amount,
  compact,
  count,
  dateOf,
  duration,
  make,
  plural,
  seconds,
  showDay,
  showInstant,
  showInterval,
} from "./format.js";
import { columnOf, describe, heatmap, layOut } from "./heatmap.js";
import { closePanel, openPanel } from "./panel.js";
import { openBackfill } from "./backfill.js";

const element = (id) => document.querySelector(`#${id}`);
const controls = element("controls");
const FOLLOW = { every: 4000, longest: 30 * 60 * 1000 }; // milliseconds

const CUT = "Some streams are left out: these days hold too many slots or streams for one page. Choose fewer days.";
const IDENTITY = ["lake", "provider", "stream", "account", "filters"];

const start = opened();
const page = { states: {}, streams: [], problems: [], span: null, currency: "", filling: follow };
let latest = 0; // the newest request; an older one's answer is thrown away

class Stream {
  constructor(members) {
    Object.assign(this, members);
    this.slots = members.slots.map(([begin, width, state, rows]) => ({
      start: begin,
      end: begin + width,
      state: Object.keys(page.states)[state],
      rows,
    }));
    this.gaps = members.gaps.map((gap) => ({ ...gap, start: seconds(gap.start), end: seconds(gap.end) }));
    this.query = Object.fromEntries(IDENTITY.map((name) => [name, members[name]]));
    this.name = [this.title, this.stream, this.filters, this.account]
      .filter(Boolean)
      .join(" · ");
    this.money = new Map();
    this.reconciled = null;
    this.near = false;
    this.note = "";
    this.dispose = () => {};
  }

  /** The slots of each of the page's days, with rows and money. */
  get days() {
    return this.parts(DAY);
  }

  /** The same of each column of the calendar; a day's money stands in the middle of the day. */
  get columns() {
    return this.parts(columnOf(page.span));
  }

  parts(size) {
    const first = page.span.start - (page.span.start % size);
    const parts = Array.from({ length: Math.round((page.span.end - first) / size) }, (_, at) => ({
      start: first + at * size,
      end: first + (at + 1) * size,
      rows: null,
      states: {},
    }));
    for (const slot of this.slots) {
      const at = slot.end - slot.start > size ? (slot.start + slot.end) / 2 : slot.start;
      const part = parts[Math.floor((at - first) / size)];
      if (!part) continue;
      if (slot.rows !== null) part.rows = (part.rows ?? 0) + slot.rows;
      part.states[slot.state] = (part.states[slot.state] ?? 0) + 1;
    }
    for (const part of parts) {
      const hour = part.start % DAY;
      const middle = size === DAY || hour === DAY / 2 || (part.start === first && hour > DAY / 2);
      const own = middle ? `${dateOf(part.start)} ${page.currency}` : null;
      Object.assign(part, this.money.get(own) ?? { ggr: null, turnover: null });
    }
    return parts;
  }
}

const wanted = () => ({
  days: controls.days.value,
  last: controls.last.value,
  narrowed: controls.narrowed.checked || Boolean(start.filters),
  dag: start.dag,
});

async function load() {
  const turn = ++latest;
  const main = element("streams");
  main.setAttribute("aria-busy", "true");
  closePanel();
  try {
    const found = await ask("coverage", wanted());
    if (turn !== latest) return;
    Object.assign(page, { states: found.states, lakes: found.lakes, now: seconds(found.now) });
    for (const stream of page.streams) stream.dispose();
    page.streams = found.streams.map((members) => new Stream(members));
    page.span = fit({ start: seconds(found.start), end: seconds(found.end) });
    page.problems = found.problems;
    element("problems").replaceChildren(
      ...found.problems.map((text) => make("p", { class: "problem" }, text)),
      found.cut ? make("p", { class: "problem" }, CUT) : "",
    );
    draw();
    openSlot();
    await Promise.all([loadMoney(turn), loadReconciliations(turn)]);
  } catch (problem) {
    if (turn !== latest) return;
    if (problem.status === 403) main.replaceChildren(nothing("forbidden", { text: problem.message }));
    else element("problems").replaceChildren(make("p", { class: "problem" }, problem.message));
  } finally {
    if (turn === latest) main.setAttribute("aria-busy", "false");
  }
}

/** The days that are asked for, without those before the first slot: a young lake fills the width. */
function fit({ start, end }) {
  const firsts = page.streams.map((stream) => stream.slots[0].start).filter((first) => first > start);
  const first = firsts.length === page.streams.length && firsts.length ? Math.min(...firsts) : start;
  const days = { start: first - (first % DAY), end };
  return { start: first - (first % columnOf(days)), end };
}

const presentColumn = () => Math.floor((page.now - page.span.start) / columnOf(page.span));

async function loadMoney(turn) {
  const mains = page.streams.filter((stream) => stream.main);
  if (!mains.length) return;
  const { days, problem } = await ask("money", wanted());
  if (turn !== latest) return;
  const bets = new Map();
  for (const day of days) {
    for (const stream of mains.filter((each) => each.provider === day.provider && each.account === day.account)) {
      stream.money.set(`${day.day} ${day.currency}`, day);
    }
    bets.set(day.currency, (bets.get(day.currency) ?? 0) + day.bets);
  }
  const currencies = [...bets].sort((a, b) => b[1] - a[1]).map(([name]) => name);
  if (!currencies.includes(page.currency)) page.currency = currencies[0] ?? "";
  controls.currency.replaceChildren(
    ...currencies.map((name) => make("option", { value: name, selected: name === page.currency }, name || "none")),
  );
  element("currencies").hidden = currencies.length === 0;
  for (const stream of mains) {
    stream.note = problem ?? (days.length ? "" : "No GGR: the bets table has no bets on these days.");
    drawChart(stream);
  }
}

async function loadReconciliations(turn) {
  const found = await ask("reconciliations", wanted());
  if (turn !== latest) return;
  for (const stream of page.streams.filter((each) => each.main)) {
    stream.reconciled = found.find((each) => IDENTITY.every((name) => each[name] === stream[name])) ?? {};
    stream.card?.querySelector(".reconciled").replaceChildren(...reconciled(stream));
  }
}

function draw() {
  const scope = element("scope");
  scope.hidden = !start.dag;
  if (start.dag) scope.textContent = `What the DAG ${start.dag} has written.`;
  drawLegend();
  const shown = page.streams.filter((stream) => !controls.gaps.checked || stream.gaps.length);
  element("streams").replaceChildren(...(shown.length ? shown.map(card) : [emptyState()]));
  near.disconnect();
  for (const stream of shown) near.observe(stream.card);
}

function emptyState() {
  if (page.streams.length) return nothing("whole", { act: () => toggle("gaps") });
  if (!page.lakes.length) return nothing("unconfigured");
  if (page.problems.length) return "";
  if (start.dag) return nothing("dag", { dag: start.dag });
  if (controls.last.value) return nothing("early", { act: () => toggle("last") });
  return nothing("unfilled", { lakes: page.lakes.filter(Boolean) });
}

/** Undo a control that hides what there is. */
function toggle(name) {
  if (name === "gaps") controls.gaps.checked = false;
  else controls.last.value = "";
  if (name === "gaps") draw();
  else load();
}

/** Charts are drawn when they come near: forty at once take seconds. */
const near = new IntersectionObserver(
  (entries) => {
    for (const entry of entries.filter((each) => each.isIntersecting)) {
      near.unobserve(entry.target);
      const stream = page.streams.find((each) => each.card === entry.target);
      if (stream) Object.assign(stream, { near: true }) && drawChart(stream);
    }
  },
  { rootMargin: "600px" },
);

function drawLegend() {
  const totals = Object.fromEntries(Object.keys(page.states).map((state) => [state, 0]));
  for (const stream of page.streams) for (const state in totals) totals[state] += stream.total[state];
  const all = Object.values(totals).reduce((sum, each) => sum + each, 0);
  element("legend").replaceChildren(
    ...(all ? Object.entries(totals) : []).map(([state, number]) =>
      make(
        "li",
        { class: number ? "" : "none", title: page.states[state] },
        make("span", { class: `key ${state}` }),
        make("b", {}, count(number)),
        ` ${state}`,
      ),
    ),
    all
      ? make(
          "li",
          { class: "scale", title: "How many rows a complete slot has, compared with the stream's others" },
          "rows: few ",
          [1, 2, 3, 4, 5].map((level) => make("span", { class: `key complete level-${level}` })),
          " many",
        )
      : "",
  );
}

function card(stream) {
  const layout = layOut(stream.slots, page.span);
  stream.layout = layout;
  const choose = (square) => openPanel(stream, square, page);
  const tip = (square) => (square ? showTip(describe(square), square.element) : hideTip());
  stream.card = make(
    "section",
    { class: "card", "aria-label": stream.name },
    make(
      "div",
      { class: "head" },
      make(
        "h2",
        {},
        make("span", { class: "provider" }, stream.title),
        ` ${stream.stream} `,
        make("span", { class: "account" }, [stream.account, stream.filters].filter(Boolean).join(" · ")),
      ),
      make("ul", { class: "counts" }, counts(stream)),
    ),
    make(
      "ul",
      { class: "facts" },
      make("li", {}, freshness(stream)),
      make("li", {}, complete(stream)),
      make("li", {}, make("b", {}, compact(stream.total.rows)), " rows"),
      oddities(stream),
      make("li", { class: "reconciled" }, reconciled(stream)),
    ),
    heatmap(stream.name, layout, presentColumn(), choose, tip),
    make("div", { class: "chart", role: "img", "aria-label": `Rows over time of ${stream.name}` }),
    make("div", { class: "foot" }, gaps(stream), table(stream), make("p", { class: "quiet note" })),
  );
  return stream.card;
}

/** Of the slots that are due; the chips beside the share name the rest of them. */
function complete(stream) {
  const { total } = stream;
  const due = total.slots - total.pending;
  const pending = total.pending ? `, ${count(total.pending)} pending` : "";
  return [make("b", {}, count(total.complete + total.empty)), ` of ${plural(due, "due slot")} complete${pending}`];
}

/** Values that did not fit their column, over all slots. */
function oddities({ total }) {
  const sum = (counts) => Object.values(counts ?? {}).reduce((all, each) => all + each, 0);
  const [odd, rounded] = [sum(total.odd_values), sum(total.rounded)];
  if (!odd && !rounded) return null;
  const text = [odd ? plural(odd, "odd value") : "", rounded ? `${count(rounded)} rounded` : ""];
  return make("li", { title: "A slot's panel names the columns" }, text.filter(Boolean).join(", "));
}

function counts(stream) {
  const whole = stream.total.complete + stream.total.empty;
  const due = stream.total.slots - stream.total.pending;
  const share = due ? Math.floor((whole / due) * 1000) / 10 : 100;
  const others = Object.keys(page.states).filter(
    (state) => !["complete", "empty", "pending"].includes(state) && stream.total[state],
  );
  return [
    make(
      "li",
      { class: `chip ${others.length ? "" : "whole"}`, title: `${count(whole)} of ${count(due)} due slots` },
      `${share} % complete`,
    ),
    ...others.map((state) =>
      make("li", { class: `chip ${state}`, title: page.states[state] }, `${count(stream.total[state])} ${state}`),
    ),
  ];
}

function freshness(stream) {
  const { newest } = stream;
  if (!newest) return "Nothing stored on these days";
  const end = seconds(newest.end);
  return [
    "Newest ",
    make("b", {}, showInterval(seconds(newest.start), end)),
    `, read ${duration(page.now - seconds(newest.extracted_at))} ago`,
  ];
}

function reconciled(stream) {
  const found = stream.reconciled;
  if (!found) return [];
  if (!found.date) return ["Not reconciled yet"];
  const result = found.agrees
    ? plural(found.figures, "figure") + " agree"
    : `${count(found.disagreeing)} of ${plural(found.figures, "figure")} differ`;
  return [
    make("span", { class: found.agrees ? "good" : "bad" }, found.agrees ? "✓ " : "✗ "),
    "Reconciled ",
    make("b", {}, showDay(seconds(found.date))),
    `: ${result}`,
  ];
}

function gaps(stream) {
  if (!stream.gaps.length) return null;
  const line = (gap) =>
    make(
      "tr",
      {},
      make("td", {}, make("span", { class: `key ${gap.state}` }), showInterval(gap.start, gap.end)),
      make("td", {}, `${plural(gap.slots, "slot")} ${gap.state}`),
      make("td", { class: "quiet" }, gap.until ? `provider's until ${showInstant(seconds(gap.until))}` : ""),
      make(
        "td",
        {},
        gap.state === "expired" ? "" : make("button", { onclick: () => openBackfill(stream, gap, page) }, "Backfill …"),
      ),
    );
  return make(
    "details",
    {},
    make("summary", {}, plural(stream.gaps.length, "gap")),
    make("table", {}, make("tbody", {}, [...stream.gaps].reverse().map(line))),
  );
}

function table(stream) {
  const body = make("tbody");
  const head = ["Day", "Slots", "Rows", "Turnover", "GGR"].map((name) => make("th", { scope: "col" }, name));
  const fill = () => {
    const days = stream.days.filter((day) => Object.keys(day.states).length).reverse();
    const states = (day) =>
      Object.entries(day.states)
        .map(([state, number]) => `${number} ${state}`)
        .join(", ");
    const money = (text) => (text === null ? "" : `${amount(text)} ${page.currency}`);
    body.replaceChildren(
      ...days.map((day) =>
        make(
          "tr",
          {},
          [
            showDay(day.start),
            states(day),
            day.rows === null ? "" : count(day.rows),
            money(day.turnover),
            money(day.ggr),
          ].map((text) => make("td", {}, text)),
        ),
      ),
    );
  };
  return make(
    "details",
    { ontoggle: (event) => event.target.open && fill() },
    make("summary", {}, "By day"),
    make("table", { class: "days" }, make("thead", {}, make("tr", {}, head)), body),
  );
}

function drawChart(stream) {
  const place = stream.card?.querySelector(".chart");
  if (!place?.isConnected || !stream.near) return;
  stream.dispose();
  place.replaceChildren();
  const tip = (text, over) => (text ? showTip(text, over, true) : hideTip());
  const { columns } = stream;
  stream.dispose = chart(place, columns, page.currency, presentColumn(), tip);
  const hourly = columnOf(page.span) < DAY;
  const mark = hourly ? "Dots" : "Line";
  stream.card.querySelector(".note").textContent = [
    `Bars: rows of the slots that begin in each ${hourly ? "hour" : "day"}, from receipts.`,
    columns.some((each) => each.ggr !== null)
      ? `${mark}: GGR in ${page.currency} of the bets placed on each day, from the bets table.`
      : stream.note,
  ].join(" ");
}

/** Open the slot that a link of a task names. */
function openSlot() {
  if (!start.provider) return;
  const same = (stream) =>
    ["provider", "stream", "account"].every((name) => !start[name] || stream[name] === start[name]);
  const stream = page.streams.find((each) => same(each) && each.filters === (start.filters ?? ""));
  const at = start.slot && seconds(start.slot);
  start.provider = null; // once
  if (!stream?.card) return;
  stream.card.scrollIntoView({ block: "start" });
  const square =
    at && stream.layout.squares.find((each) => each.slots.some((slot) => slot.start <= at && at < slot.end));
  if (square) openPanel(stream, square, page);
}

/** Look again and again at one stream, until a range of it has no gap any more. */
function follow(stream, range) {
  const ends = Date.now() + FOLLOW.longest;
  const look = async () => {
    const found = await ask("coverage", { ...wanted(), ...stream.query }).catch(() => null);
    if (!page.streams.includes(stream)) return; // loaded anew meanwhile
    const members = found?.streams.find((each) => each.filters === stream.filters);
    if (members) stream = replace(stream, members);
    const inside = stream.slots.filter((slot) => slot.start < range.end && range.start < slot.end);
    const open = inside.some((slot) => ["missing", "damaged"].includes(slot.state));
    if (open && Date.now() < ends) setTimeout(look, FOLLOW.every);
  };
  setTimeout(look, FOLLOW.every);
}

function replace(old, members) {
  const made = new Stream(members);
  if (JSON.stringify(made.slots) === JSON.stringify(old.slots)) return old;
  Object.assign(made, { money: old.money, reconciled: old.reconciled, note: old.note, near: old.near });
  page.streams[page.streams.indexOf(old)] = made;
  old.dispose();
  old.card.replaceWith(card(made));
  near.observe(made.card);
  drawChart(made);
  drawLegend();
  return made;
}

const tip = element("tip");

function showTip(text, beside, below = false) {
  const box = beside.getBoundingClientRect();
  tip.textContent = text;
  tip.hidden = false;
  const left = Math.min(innerWidth - tip.offsetWidth - 8, Math.max(8, box.left + box.width / 2 - tip.offsetWidth / 2));
  tip.style.left = `${left}px`;
  tip.style.top = `${below ? box.bottom + 24 : box.top - tip.offsetHeight - 6}px`;
}

function hideTip() {
  tip.hidden = true;
}

controls.addEventListener("submit", (event) => event.preventDefault());
controls.addEventListener("change", (event) => {
  if (event.target.name === "gaps") draw();
  else if (event.target.name === "currency") {
    page.currency = controls.currency.value;
    page.streams.forEach(drawChart);
  } else load();
});
element("refresh").addEventListener("click", load);
document.addEventListener("click", leadOut);
document.addEventListener("auxclick", leadOut);
addEventListener("themechange", () => page.streams.forEach(drawChart));
addEventListener("scroll", hideTip, { passive: true });

controls.last.max = dateOf(Date.now() / 1000 + DAY);
if (start.days) controls.days.value = start.days;
if (start.last) controls.last.value = start.last;
else if (start.slot && seconds(start.slot) < Date.now() / 1000 - 59 * DAY) {
  controls.last.value = dateOf(seconds(start.slot) + 7 * DAY); // a task of long ago
}
controls.narrowed.checked = Boolean(start.filters);
load();
