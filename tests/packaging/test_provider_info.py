"""What Airflow's discovery reads of this package is valid, complete, and equal to what the hooks accept."""

import json
import subprocess
import sys
from importlib import import_module
from importlib.metadata import distribution
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

import airflow_betproviders
from airflow_betproviders.declare.settings import FlagSetting, NumberSetting, TextSetting
from airflow_betproviders.provider_info import get_provider_info
from tests.accounts import HOOKS

INFO = get_provider_info()
TYPES: dict[str, dict[str, Any]] = {kind["connection-type"]: kind for kind in INFO["connection-types"]}

# The names of each connection type's own extras; the form must offer exactly these.
COMMON = {
    *("timeout", "min_interval", "rate_limit_storage", "verify", "ca_bundle", "client_cert", "proxy"),
    *("page_size", "retention_days", "max_answer_mb"),
}
OWN = {
    "pv": {"currency"},
    "aig": {"sign_style"},
    "jdb": {"dc", "iv_secret", "utc_offset", "own_key", "request_style", "filter_column"},
    "gmag": {"show_all"},
}

SECRET_BEARING = {"iv_secret", "proxy"}
# Airflow cannot mask it by its name; its description says to leave the password out.
CLEAR_BY_DESIGN = {"rate_limit_storage"}


def airflow_schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(files("airflow").joinpath(name).read_text())
    return schema


def test_airflow_accepts_it() -> None:
    jsonschema.validate(INFO, airflow_schema("provider_info.schema.json"))


def test_the_strict_schema_that_covers_forms_accepts_it() -> None:
    strict = airflow_schema("provider.yaml.schema.json")
    schema = {
        "definitions": strict["definitions"],
        "properties": {key: strict["properties"][key] for key in INFO if key in strict["properties"]},
    }
    errors = [error.message for error in jsonschema.Draft7Validator(schema).iter_errors(INFO)]

    assert errors == []


def test_the_name_is_the_distributions() -> None:
    assert INFO["package-name"] == distribution("airflow-provider-betproviders").metadata["Name"]


def test_the_version_has_one_source() -> None:
    assert INFO["versions"][0] == airflow_betproviders.__version__
    assert distribution("airflow-provider-betproviders").version == airflow_betproviders.__version__


@pytest.mark.parametrize("conn_type", OWN)
def test_a_form_has_its_fields(conn_type: str) -> None:
    assert set(TYPES[conn_type]["conn-fields"]) == COMMON | OWN[conn_type]


@pytest.mark.parametrize("conn_type", OWN)
def test_a_form_shows_the_fields_in_use_and_hides_the_others(conn_type: str) -> None:
    behaviour = TYPES[conn_type]["ui-field-behaviour"]

    assert set(behaviour["relabeling"]) == {"host", "login", "password"}
    assert set(behaviour["hidden-fields"]) == {"schema"}
    assert "Test button of Airflow 3.3.1 and 3.3.2" in behaviour["placeholders"]["port"]


@pytest.mark.parametrize("conn_type", OWN)
def test_a_default_is_a_value_of_its_own_field(conn_type: str) -> None:
    for name, field in TYPES[conn_type]["conn-fields"].items():
        if "default" in field["schema"]:
            jsonschema.validate(field["schema"]["default"], field["schema"])
        assert field["description"], name


@pytest.mark.parametrize("conn_type", OWN)
def test_a_hook_is_of_its_type(conn_type: str) -> None:
    module, _, name = TYPES[conn_type]["hook-class-name"].rpartition(".")
    hook = getattr(import_module(module), name)

    assert hook.conn_type == conn_type
    assert hook.hook_name == TYPES[conn_type]["hook-name"]


@pytest.mark.parametrize("conn_type", OWN)
def test_a_form_offers_the_settings_of_the_hook_with_the_same_defaults_and_limits(conn_type: str) -> None:
    settings, fields = HOOKS[conn_type].all_settings(), TYPES[conn_type]["conn-fields"]

    assert set(fields) == set(settings)
    for name, setting in settings.items():
        schema = fields[name]["schema"]
        types = {schema["type"]} if isinstance(schema["type"], str) else set(schema["type"])
        own = {FlagSetting: "boolean", NumberSetting: "integer" if getattr(setting, "integer", False) else "number"}
        assert types - {"null"} == {own.get(type(setting), "string")}, name
        if name != "min_interval":
            assert schema.get("default", setting.default) == setting.default, name
        if isinstance(setting, TextSetting):
            assert tuple(schema.get("enum", ())) == setting.choices, name
        if setting.secret:
            assert schema["format"] == "password", name


def test_named_modules_exist() -> None:
    for entry in [*INFO["hooks"], *INFO["operators"]]:
        for module in entry["python-modules"]:
            import_module(module)


def test_named_commands_exist() -> None:
    for path in INFO["cli"]:
        module, _, name = path.rpartition(".")
        assert [command.name for command in getattr(import_module(module), name)()] == ["betproviders"]


@pytest.mark.parametrize("conn_type", OWN)
def test_no_secret_is_shown_in_clear(conn_type: str) -> None:
    from airflow.sdk._shared.secrets_masker import should_hide_value_for_key

    for name, field in TYPES[conn_type]["conn-fields"].items():
        if name in SECRET_BEARING or field["schema"].get("format") == "password":
            assert should_hide_value_for_key(name), f"Airflow would show {name} in the UI, the API and logs"
        if name in CLEAR_BY_DESIGN:
            assert "without a password" in " ".join(field["description"].split())


@pytest.mark.parametrize(
    "module", ["airflow_betproviders", "airflow_betproviders.provider_info", "airflow_betproviders.declare"]
)
def test_importing_it_imports_nothing_else(module: str) -> None:
    code = f"import sys, typing; before = set(sys.modules); import {module}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    form = {"airflow_betproviders.declare", "airflow_betproviders.declare.connection_form"}
    assert set(done.stdout.split()) <= {"airflow_betproviders", module, *form}


@pytest.mark.slow
def test_an_airflow_command_imports_only_the_names_of_our_commands() -> None:
    code = (
        "import sys; import airflow.cli.cli_config; before = set(sys.modules)\n"
        "import airflow_betproviders.cli.definition; print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)

    assert set(done.stdout.splitlines()[-1].split()) <= {
        "airflow_betproviders",
        "airflow_betproviders.cli",
        "airflow_betproviders.cli.definition",
    }
