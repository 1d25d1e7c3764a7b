// Airflow's own backfill, for exactly the intervals of a gap, once the user has seen which runs that makes.
import { backfillsPage, get, leadOut, post, runApi } from "./airflow.js";
import { iso, make, plural, seconds, showInterval } from "./format.js";

const dialog = document.querySelector("#backfill");
dialog.addEventListener("click", leadOut);
const AT_ONCE = 4; // runs; an account's pool decides how many of them call

/** Ask, and start it. `page.filled(stream, range)` is called when it has begun. */
export async function openBackfill(stream, range, page) {
  dialog.replaceChildren(
    make("h2", {}, "Backfill"),
    make("p", { class: "quiet" }, "Asking Airflow which runs that makes …"),
    buttons(),
  );
  dialog.showModal();
  if (!stream.writers.length) {
    showMessage("No DAG that you may read has written this stream on these days, so it is not known which one fills the gap.");
    return;
  }
  const plans = await Promise.all(stream.writers.map((writer) => plan(writer, range)));
  const good = plans
    .filter((each) => each.runs?.length)
    .sort((a, b) => a.lack - b.lack || a.extra - b.extra || a.width - b.width);
  if (good.length) confirm(stream, range, good, page);
  else
    showMessage(
      "None of the DAGs that wrote this stream can fill the gap:",
      plans.map((each) => `${each.dag}: ${each.problem}`),
    );
}

/**
 * The runs that a DAG would make for a range, by Airflow's own dry run.
 *
 * A backfill's ends name its first and last run. Which runs cover a range follows from a run that the DAG already had: how
 * wide its interval is, and how far its logical date lies from the interval's start.
 */
async function plan(writer, range) {
  const found = { dag: writer.dag_id };
  try {
    const run = await get(runApi(writer.dag_id, writer.run_id)).catch(() => null);
    const start = run?.data_interval_start && seconds(run.data_interval_start);
    const end = run?.data_interval_end && seconds(run.data_interval_end);
    found.width = end > start ? end - start : (range.end - range.start) / range.slots;
    const shift = end > start && run.logical_date ? seconds(run.logical_date) - start : 0;
    const body = request(writer.dag_id, range.start - found.width + 1 + shift, range.end - 1 + shift);
    const { backfills } = await post("backfills/dry_run", body);
    const dates = backfills
      .map((each) => each.logical_date ?? each.partition_date)
      .filter(Boolean)
      .map(seconds);
    found.runs = dates.sort((a, b) => a - b);
    found.start = found.runs[0] - shift;
    found.end = found.runs.at(-1) - shift + found.width;
    const covered = found.runs.reduce((sum, at) => sum + overlap(at - shift, at - shift + found.width, range), 0);
    found.lack = Math.max(0, range.end - range.start - covered);
    found.extra = found.runs.length * found.width - covered;
    if (!found.runs.length) found.problem = "its schedule has no interval there, or it is running already";
  } catch (problem) {
    found.problem = problem.message;
  }
  return found;
}

const overlap = (start, end, range) => Math.max(0, Math.min(end, range.end) - Math.max(start, range.start));

const request = (dag, from, to) => ({
  dag_id: dag,
  from_date: iso(from),
  to_date: iso(to),
  reprocess_behavior: "completed",
  max_active_runs: AT_ONCE,
  run_backwards: false,
});

function confirm(stream, range, plans, page) {
  const details = make("div", { class: "plan" });
  const begin = make("button", { class: "main", type: "button" });
  const select = make(
    "select",
    {},
    plans.map((each) => make("option", {}, each.dag)),
  );
  const show = async () => {
    const chosen = plans[select.selectedIndex];
    begin.textContent = `Start ${plural(chosen.runs.length, "run")}`;
    details.replaceChildren(...explain(chosen, range));
    const dag = await get(`dags/${encodeURIComponent(chosen.dag)}`).catch(() => null);
    if (dag?.is_paused)
      details.append(make("p", { class: "warning" }, "This DAG is paused: its runs will wait until it is turned on."));
  };
  select.addEventListener("change", show);
  begin.addEventListener("click", async () => {
    const chosen = plans[select.selectedIndex];
    begin.disabled = true;
    try {
      await post("backfills", request(chosen.dag, chosen.runs[0], chosen.runs.at(-1)));
      showMessage(
        `Airflow has begun ${plural(chosen.runs.length, "run")} of ${chosen.dag}. The calendar follows.`,
        [],
        chosen.dag,
      );
      page.filling(stream, range);
    } catch (problem) {
      showMessage(`Airflow refuses: ${problem.message}`, [], chosen.dag);
    }
  });
  dialog.replaceChildren(
    make("h2", {}, "Backfill ", make("span", { class: "quiet" }, stream.name)),
    make("p", {}, `${showInterval(range.start, range.end)} UTC: ${plural(range.slots, "slot")}, ${range.state}.`),
    make("label", {}, "DAG ", select),
    details,
    buttons(begin),
  );
  show();
  begin.focus();
}

function explain(chosen, range) {
  const { runs, lack, extra } = chosen;
  const exact = !lack && !extra;
  const fits = exact
    ? "exactly this range"
    : lack
      ? "not all of this range"
      : "this range, and more around it, which is loaded again";
  const row = (name, value) => [make("dt", {}, name), make("dd", {}, value)];
  return [
    make(
      "p",
      { class: exact ? "good" : "warning" },
      `${plural(runs.length, "run")} cover${runs.length === 1 ? "s" : ""} ${fits}.`,
    ),
    make(
      "dl",
      {},
      row("Intervals", `${showInterval(chosen.start, chosen.end)} UTC`),
      row("from_date", make("code", {}, iso(runs[0]))),
      row("to_date", [
        make("code", {}, iso(runs.at(-1))),
        make("span", { class: "quiet" }, " inclusive: they name the first and the last run"),
      ]),
      row("Reprocess", [
        make("code", {}, "completed"),
        make("span", { class: "quiet" }, " existing runs are cleared and run again"),
      ]),
      row("At once", `${AT_ONCE} runs; the DAG's pool decides how many of them call`),
    ),
  ];
}

function showMessage(text, lines = [], dag = null) {
  const link = dag && make("a", { href: backfillsPage(dag), "data-airflow": true }, `Backfills of ${dag}`);
  dialog.replaceChildren(
    make("h2", {}, "Backfill"),
    make("p", { role: "status" }, text),
    lines.length
      ? make(
          "ul",
          {},
          lines.map((line) => make("li", {}, line)),
        )
      : "",
    link ? make("p", {}, link) : "",
    buttons(),
  );
}

function buttons(begin) {
  const close = make("button", { type: "button", onclick: () => dialog.close() }, begin ? "Cancel" : "Close");
  return make("p", { class: "buttons" }, close, begin ?? null);
}
