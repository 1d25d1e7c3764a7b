"""Describe the provider to Airflow: connection forms, hooks and operator modules.

Airflow calls `get_provider_info` during `import airflow`, before its configuration exists, so this module imports as little as possible.
"""

from typing import Any

from airflow_betproviders.declare import connection_type

_PV_FIELDS = {
    "currency": {
        "label": "Currency",
        "description": "ISO 4217 code of the account, such as CNY. PV's bet records do not carry one.",
        "schema": {"type": ["string", "null"], "maxLength": 10},
    },
}

_AIG_FIELDS = {
    "sign_style": {
        "label": "Signature style",
        "description": (
            "Where the secret key goes before the MD5. key-first (AIG's published rule): KEY&a=1&b=2. "
            "key-last-param: a=1&b=2&key=KEY. key-last: a=1&b=2KEY. values-concatenated: 12KEY. "
            "Change it only for a merchant on an older contract (error 600100)."
        ),
        "schema": {
            "type": "string",
            "enum": ["key-first", "key-last-param", "key-last", "values-concatenated"],
            "default": "key-first",
        },
    },
}

_JDB_FIELDS = {
    "dc": {
        "label": "Domain code (dc)",
        "description": "The account's dc, as JDB issued it.",
        "schema": {"type": "string", "minLength": 1},
    },
    "iv_secret": {
        "label": "AES initialisation vector (IV)",
        "description": "The 16 characters that JDB issued with the AES key.",
        "schema": {"type": "string", "format": "password", "minLength": 16, "maxLength": 16},
    },
    "utc_offset": {
        "label": "Account's UTC offset",
        "description": "Fixed offset of the times that JDB sends and expects, without daylight saving. Default -04:00.",
        "schema": {"type": "string", "pattern": "^[+-][0-9]{2}:[0-9]{2}$", "default": "-04:00"},
    },
    "own_key": {
        "label": "Account has its own key",
        "description": (
            "Send the parent beside the encrypted request too. Needed when the key and IV belong to this parent and "
            "not to the dc."
        ),
        "schema": {"type": "boolean", "default": False},
    },
    "request_style": {
        "label": "Request style",
        "description": (
            "How dc and x are sent. json (JDB's present document): a JSON body. form: a form body. query: in the URL."
        ),
        "schema": {"type": "string", "enum": ["json", "form", "query"], "default": "json"},
    },
    "filter_column": {
        "label": "Column that windows filter",
        "description": (
            "The column that action 64 filters. gameDate (JDB's present page) or lastModifyTime (JDB's older document). A "
            "wrong choice fails the task: rows lie outside the window."
        ),
        "schema": {"type": "string", "enum": ["gameDate", "lastModifyTime"], "default": "gameDate"},
    },
}

_GMAG_FIELDS = {
    "show_all": {
        "label": "Include sub-brands",
        "description": "Send showAll=1: rows of the brand's sub-brands too, each with its own brandId.",
        "schema": {"type": "boolean", "default": False},
    },
}


def get_provider_info() -> dict[str, Any]:
    """Return this provider's metadata in the shape of Airflow's `provider_info.schema.json`."""
    return {
        "package-name": "airflow-provider-betproviders",
        "name": "Bet providers",
        "description": "Bet records of PV (2J), AIG, JDB and GM-Ag as typed Parquet: a task succeeds only if every bet of its interval is stored.",
        "versions": ["0.1.0"],
        "integrations": [
            {
                "integration-name": "PV (2J)",
                "external-doc-url": "https://2j.com/api-support/en/game_api",
                "tags": ["service"],
            },
            {
                "integration-name": "AIG live casino",
                "external-doc-url": "http://doc.lucko.ai/en/docs/",
                "tags": ["service"],
            },
            {"integration-name": "JDB", "external-doc-url": "https://doc.jdb711.com/", "tags": ["service"]},
            {
                "integration-name": "GM-Ag",
                "external-doc-url": "https://globaltllc.atlassian.net/wiki/spaces/GAS",
                "tags": ["service"],
            },
        ],
        "operators": [
            {
                "integration-name": name,
                "python-modules": [
                    "airflow_betproviders.operators.export",
                    "airflow_betproviders.operators.extract",
                    "airflow_betproviders.operators.gaps",
                    "airflow_betproviders.operators.merge",
                    "airflow_betproviders.operators.reconcile",
                    "airflow_betproviders.operators.replay",
                ],
            }
            for name in ("PV (2J)", "AIG live casino", "JDB", "GM-Ag")
        ],
        "hooks": [
            {"integration-name": "PV (2J)", "python-modules": ["airflow_betproviders.providers.pv.hook"]},
            {"integration-name": "AIG live casino", "python-modules": ["airflow_betproviders.providers.aig.hook"]},
            {"integration-name": "JDB", "python-modules": ["airflow_betproviders.providers.jdb.hook"]},
            {"integration-name": "GM-Ag", "python-modules": ["airflow_betproviders.providers.gmag.hook"]},
        ],
        "connection-types": [
            connection_type(
                "pv",
                hook="airflow_betproviders.providers.pv.hook.PvHook",
                name="PV (2J)",
                labels={"login": "Merchant id (mch_id)", "password": "Merchant key"},
                placeholders={"host": "https://summary.example.com", "login": "1001"},
                fields=_PV_FIELDS,
            ),
            connection_type(
                "aig",
                hook="airflow_betproviders.providers.aig.hook.AigHook",
                name="AIG",
                min_interval=5,
                min_interval_reason="AIG allows one call per five seconds",
                labels={"login": "Merchant/agent id (agent_id)"},
                placeholders={"host": "https://staging.aig1234.com", "login": "agent001"},
                fields=_AIG_FIELDS,
            ),
            connection_type(
                "jdb",
                hook="airflow_betproviders.providers.jdb.hook.JdbHook",
                name="JDB",
                min_interval=5,
                min_interval_reason="JDB answers 9019 to faster callers",
                labels={"login": "Agent (parent)", "password": "AES key"},
                placeholders={"login": "testag", "dc": "TEST", "utc_offset": "-04:00"},
                fields=_JDB_FIELDS,
            ),
            connection_type(
                "gmag",
                hook="airflow_betproviders.providers.gmag.hook.GmAgHook",
                name="GM-Ag (Golden Matrix)",
                labels={"host": "Game data URL", "login": "Brand id (brandId)", "password": "Secret key (secretKey)"},
                placeholders={"host": "https://gamedata.example.com", "login": "9"},
                fields=_GMAG_FIELDS,
            ),
        ],
        "extra-links": [
            "airflow_betproviders.task.links.CoverageLink",
            "airflow_betproviders.task.links.DataLink",
        ],
        "config": {
            "betproviders": {
                "description": "The coverage page of the bet providers.",
                "options": {
                    "lakes": {
                        "description": (
                            "Folders that extractions write to, separated by commas: what the coverage page shows. Default: "
                            "the Variable betproviders_path, as in the sample DAGs."
                        ),
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "s3://aws_default@lake/raw",
                        "default": None,
                    },
                    "table": {
                        "description": (
                            "Folder of the bets table, which the coverage page takes gross gaming revenue from. Default: the "
                            "Variable betproviders_table, as in the sample DAGs."
                        ),
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "s3://aws_default@lake/bets",
                        "default": None,
                    },
                },
            }
        },
        "cli": ["airflow_betproviders.cli.definition.get_commands"],
    }
