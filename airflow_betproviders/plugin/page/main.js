// Puts the page together: asks for the streams, draws a card for each, and follows a backfill until its gap is filled.
import { ask, leadOut, opened } from "./airflow.js";
import { card, drawChart, reconciled } from "./card.js";
import { nothing } from "./empty.js";
import { DAY, count, dateOf, make, seconds } from "./format.js";
import { columnOf } from "./heatmap.js";
import { closePanel, openPanel } from "./panel.js";
import { IDENTITY, Stream, page } from "./stream.js";
import { hideTip } from "./tip.js";

const element = (id) => document.querySelector(`#${id}`);
const controls = element("controls");
const FOLLOW = { every: 4000, longest: 30 * 60 * 1000 }; // milliseconds

const TRUNCATED = "Some streams are left out: these days hold too many slots or streams for one page. Choose fewer days.";

const start = opened();
page.filling = follow;
let latest = 0; // the newest request; an older one's answer is thrown away

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
      found.truncated ? make("p", { class: "problem" }, TRUNCATED) : "",
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
