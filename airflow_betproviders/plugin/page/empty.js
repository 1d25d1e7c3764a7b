// What stands where no stream is shown: why, and the next step.
import { appPage, dagPage } from "./airflow.js";
import { dateOf, make, DAY } from "./format.js";

const code = (text) => make("code", { class: "command" }, text);
const link = (href, text) => make("a", { href, "data-airflow": true }, text);
const day = (ago) => dateOf(Date.now() / 1000 - ago * DAY);

const STATES = {
  forbidden: ({ text }) => ["You may not see any stream", [make("p", {}, text)]],
  unconfigured: () => [
    "No lake is configured",
    [
      make("p", {}, "Set the Variable betproviders_path to the folder that the DAGs write to:"),
      code("airflow variables set betproviders_path s3://aws_default@lake/raw"),
      make("p", {}, "or in the UI: ", link(appPage("variables"), "Admin › Variables"), "."),
      make("p", { class: "quiet" }, "For several lakes, set [betproviders] lakes in airflow.cfg."),
    ],
  ],
  unfilled: ({ lakes }) => [
    "No stream is stored yet",
    [
      make("p", {}, "No DAG that you may read has stored anything in ", ...folders(lakes), "."),
      make("p", {}, "Turn on a DAG that extracts bets: ", link(appPage("dags"), "Dags"), ", or load past hours:"),
      code(backfill("aig_transactions")),
      make("p", { class: "quiet" }, "If you expect streams here, ask for read permission on the DAG that extracts them."),
    ],
  ],
  dag: ({ dag }) => [
    "This DAG has stored no slot on these days",
    [
      make("p", {}, "Turn it on or look at its runs: ", link(dagPage(dag), dag), ", or load past hours:"),
      // A command that is copied must be made of a DAG's name and nothing else.
      /^[\w.-]+$/.test(dag) ? code(backfill(dag)) : "",
    ],
  ],
  early: ({ act }) => [
    "Nothing is stored on these days",
    [make("button", { type: "button", onclick: act }, "Show the last days")],
  ],
  whole: ({ act }) => [
    "No stream has a gap on these days",
    [make("button", { type: "button", onclick: act }, "Show all streams")],
  ],
};

const folders = (lakes) =>
  lakes.length ? lakes.flatMap((path, at) => [at ? ", " : "", make("code", {}, path)]) : ["the lake"];

const backfill = (dag) =>
  `airflow backfill create --dag-id ${dag} --from-date ${day(1)}T00:00:00Z --to-date ${day(1)}T23:00:00Z`;

/** The element that says it. */
export function nothing(state, values = {}) {
  const [title, steps] = STATES[state](values);
  return make("section", { class: "nothing" }, make("h2", {}, title), steps);
}
