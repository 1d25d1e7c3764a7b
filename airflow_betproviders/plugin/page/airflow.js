// Airflow around this page: its API under the user's own login, and its pages.

const root = new URL("../", document.baseURI); // whatever path the deployment lies under

const MOST_ATTEMPTS = 20; // times that a busy page is asked

async function answer(url, options, asked = 1) {
  const response = await fetch(url, { credentials: "same-origin", ...options });
  const body = await response.json().catch(() => null);
  if (response.ok) return body;
  const pause = Number(response.headers.get("Retry-After"));
  if (!options && pause && [429, 503].includes(response.status) && asked < MOST_ATTEMPTS) {
    // Not all at the same moment again.
    await new Promise((resolve) => setTimeout(resolve, pause * 1000 * (0.75 + Math.random() / 2)));
    return answer(url, options, asked + 1);
  }
  throw Object.assign(new Error(reason(response.status, body?.detail)), { status: response.status });
}

function reason(status, detail) {
  if (status === 401) return "Your login has ended. Reload Airflow and log in again.";
  if (status === 403 && (typeof detail !== "string" || detail === "Forbidden"))
    return "Your permissions in Airflow do not allow that.";
  if (Array.isArray(detail)) return detail.map((each) => each.msg ?? String(each)).join("; ");
  return typeof detail === "string" ? detail : `Airflow answers with status ${status}.`;
}

/** What this page's own application says. */
export function ask(path, query = {}) {
  const url = new URL(`api/${path}`, document.baseURI);
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "" && value !== false) url.searchParams.set(name, value);
  }
  return answer(url);
}

/** Airflow's own API. */
export const get = (path) => answer(new URL(`api/v2/${path}`, root));
export const post = (path, body) =>
  answer(new URL(`api/v2/${path}`, root), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });

const part = encodeURIComponent;
export const appPage = (path) => new URL(path, root).href;
export const dagPage = (dag) => new URL(`dags/${part(dag)}`, root).href;
export const backfillsPage = (dag) => new URL(`dags/${part(dag)}/backfills`, root).href;
export const runPage = (dag, run) => new URL(`dags/${part(dag)}/runs/${part(run)}`, root).href;
export const taskPage = (dag, run, task) => `${runPage(dag, run)}/tasks/${part(task)}`;
export const runApi = (dag, run) => `dags/${part(dag)}/dagRuns/${part(run)}`;

/** Links lead out of the frame, which Airflow does not let navigate its page; a link of that page may. */
export function leadOut(event) {
  const link = event.target.closest("a[data-airflow]");
  if (!link || window.parent === window) return;
  event.preventDefault();
  const outer = window.parent.document.createElement("a");
  outer.href = link.href;
  if (event.ctrlKey || event.metaKey || event.button === 1) outer.target = "_blank";
  window.parent.document.body.append(outer);
  outer.click();
  outer.remove();
}

const KNOWN = ["dag", "lake", "provider", "stream", "account", "filters", "slot", "days", "last"];

/** What the page was opened with; Airflow before 3.3 leaves an outer page's query with that page. */
export function opened() {
  const found = {};
  const outer = window.parent === window ? "" : window.parent.location.search;
  for (const query of [new URLSearchParams(outer), new URLSearchParams(location.search)]) {
    for (const name of KNOWN) if (query.has(name)) found[name] = query.get(name);
  }
  return found;
}
