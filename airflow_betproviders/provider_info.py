"""What Airflow's provider discovery reads: connection forms, hooks and operator modules.

Airflow calls `get_provider_info` during `import airflow`, before its configuration exists, so nothing is imported here.
"""

from typing import Any

# A base URL needs none. Airflow 3.3.1 and 3.3.2 refuse to test a connection without one (apache/airflow#73298).
_PORT = "443 (the Test button of Airflow 3.3.1 and 3.3.2 needs it)"

_TIMEOUT = {
    "label": "Timeout",
    "description": "Seconds to wait for the provider's answer to one call. Default 60.",
    "schema": {"type": ["number", "null"], "minimum": 1, "default": 60},
}

_RATE_LIMIT_STORAGE = {
    "label": "Rate limit storage",
    "description": (
        "Redis URL such as redis://host:6379/0 that lets all workers share one call budget for this account; empty "
        "means that each task keeps its own. Needs the [redis] extra. Airflow shows this field in clear, so give a URL "
        "without a password; if Redis needs one, keep the whole connection in a secrets backend."
    ),
    "schema": {"type": ["string", "null"]},
}

_VERIFY = {
    "label": "Verify TLS certificate",
    "description": "Check the provider's TLS certificate. Turn off only for a test host with a self-signed one.",
    "schema": {"type": "boolean", "default": True},
}

_PROXY = {
    "label": "Proxy",
    "description": (
        "Proxy URL such as http://user:password@proxy:3128, when the provider admits only the proxy's address. "
        "Airflow masks the whole value wherever it shows the connection."
    ),
    "schema": {"type": ["string", "null"], "format": "password"},
}


def _min_interval(default: int, reason: str) -> dict[str, object]:
    return {
        "label": "Seconds between calls",
        "description": f"Shortest time between the starts of two calls. Default {default}: {reason}.",
        "schema": {"type": ["number", "null"], "minimum": 0, "default": default},
    }


_PV_FIELDS = {
    "currency": {
        "label": "Currency",
        "description": "ISO 4217 code of the account, such as CNY. PV's bet records do not carry one.",
        "schema": {"type": ["string", "null"], "maxLength": 10},
    },
    "min_interval": _min_interval(1, "PV states no limit, so this is a courtesy"),
    "timeout": _TIMEOUT,
    "rate_limit_storage": _RATE_LIMIT_STORAGE,
    "verify": _VERIFY,
    "proxy": _PROXY,
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
    "min_interval": _min_interval(5, "AIG allows one call per five seconds"),
    "timeout": _TIMEOUT,
    "rate_limit_storage": _RATE_LIMIT_STORAGE,
    "verify": _VERIFY,
    "proxy": _PROXY,
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
            "not to the whole dc."
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
    "min_interval": _min_interval(5, "JDB answers 9019 to faster callers"),
    "timeout": _TIMEOUT,
    "rate_limit_storage": _RATE_LIMIT_STORAGE,
    "verify": _VERIFY,
    "proxy": _PROXY,
}

_GMAG_FIELDS = {
    "show_all": {
        "label": "Include sub-brands",
        "description": "Send showAll=1: rows of the brand's sub-brands too, each with its own brandId.",
        "schema": {"type": "boolean", "default": False},
    },
    "min_interval": _min_interval(1, "GM-Ag states no limit, so this is a courtesy"),
    "timeout": _TIMEOUT,
    "rate_limit_storage": _RATE_LIMIT_STORAGE,
    "verify": _VERIFY,
    "proxy": _PROXY,
}


def get_provider_info() -> dict[str, Any]:
    """Return this provider's metadata in the shape of Airflow's `provider_info.schema.json`."""
    return {
        "package-name": "airflow-provider-betproviders",
        "name": "Bet providers",
        "description": "Bet records of PV (2J), AIG, JDB and GM-Ag as typed Parquet: a window is complete or the task is red.",
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
            {
                "connection-type": "pv",
                "hook-class-name": "airflow_betproviders.providers.pv.hook.PvHook",
                "hook-name": "PV (2J)",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema"],
                    "relabeling": {
                        "host": "Base URL",
                        "login": "Merchant id (mch_id)",
                        "password": "Merchant key",
                    },
                    "placeholders": {"host": "https://summary.example.com", "login": "1001", "port": _PORT},
                },
                "conn-fields": _PV_FIELDS,
            },
            {
                "connection-type": "aig",
                "hook-class-name": "airflow_betproviders.providers.aig.hook.AigHook",
                "hook-name": "AIG",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema"],
                    "relabeling": {
                        "host": "Base URL",
                        "login": "Merchant/agent id (agent_id)",
                        "password": "Secret key",
                    },
                    "placeholders": {"host": "https://staging.aig1234.com", "login": "agent001", "port": _PORT},
                },
                "conn-fields": _AIG_FIELDS,
            },
            {
                "connection-type": "jdb",
                "hook-class-name": "airflow_betproviders.providers.jdb.hook.JdbHook",
                "hook-name": "JDB",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema"],
                    "relabeling": {
                        "host": "Base URL",
                        "login": "Agent (parent)",
                        "password": "AES key",
                    },
                    "placeholders": {
                        "host": "https://api.example.com",
                        "login": "testag",
                        "port": _PORT,
                        "dc": "TEST",
                        "utc_offset": "-04:00",
                    },
                },
                "conn-fields": _JDB_FIELDS,
            },
            {
                "connection-type": "gmag",
                "hook-class-name": "airflow_betproviders.providers.gmag.hook.GmAgHook",
                "hook-name": "GM-Ag (Golden Matrix)",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema"],
                    "relabeling": {
                        "host": "Game data URL",
                        "login": "Brand id (brandId)",
                        "password": "Secret key (secretKey)",
                    },
                    "placeholders": {"host": "https://gamedata.example.com", "login": "9", "port": _PORT},
                },
                "conn-fields": _GMAG_FIELDS,
            },
        ],
        "extra-links": [
            "airflow_betproviders.operators.links.CoverageLink",
            "airflow_betproviders.operators.links.DataLink",
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
