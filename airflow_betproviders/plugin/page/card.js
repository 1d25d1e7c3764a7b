// The card of a stream: what is complete, the calendar, the chart, the gaps, and the same as a table.
import { chart } from "./chart.js";
import {
  DAY,
  amount,
  compact,
  count,
  duration,
  make,
  plural,
  seconds,
  showDay,
  showInstant,
  showInterval,
} from "./format.js";
import { columnOf, describe, heatmap, layOut } from "./heatmap.js";
import { openBackfill } from "./backfill.js";
import { openPanel } from "./panel.js";
import { page, presentColumn } from "./stream.js";
import { hideTip, showTip } from "./tip.js";

/** A stream's card; its chart is drawn by `drawChart` once it is near. */
export function card(stream) {
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

export function reconciled(stream) {
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

export function drawChart(stream) {
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
