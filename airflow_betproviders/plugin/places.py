"""Read from the configuration which lakes and which bets table the page shows."""

from __future__ import annotations

from airflow.configuration import conf

SECTION = "betproviders"
UNSET = (
    "No lake is known here. Set the Variable betproviders_path to the folder that the DAGs write to, such as "
    "s3://aws_default@lake/raw; or, for several lakes, [betproviders] lakes in airflow.cfg."
)


def configured_lakes() -> list[str]:
    """Return the folders that extractions write to, as they were configured; empty if none was."""
    text = conf.get(SECTION, "lakes", fallback="") or _variable("betproviders_path")
    return [path.strip() for path in text.split(",") if path.strip()]


def configured_table() -> str:
    """Return the folder of the bets table, or empty text."""
    return conf.get(SECTION, "table", fallback="") or _variable("betproviders_table")


def _variable(name: str) -> str:
    """Return a Variable of the sample DAGs, or empty text."""
    from airflow.sdk import Variable

    return str(Variable.get(name, default=None) or "")
