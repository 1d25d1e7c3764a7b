"""Tests of a provider's package, form, connection, signature and limits."""

from __future__ import annotations

import json
import math
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

import pytest
from packaging.utils import canonicalize_name

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import WindowExpired
from airflow_betproviders.registry import hook_class, streams_of
from airflow_betproviders.testing.expectations import Expectations
from airflow_betproviders.testing.vendor_account import DAY, HOUR, VendorAccount, simulated

SPACING = 0.2  # seconds


class AccountTests:
    """The package, its form, its connection, its signature and its limits."""

    expectations: ClassVar[Expectations]

    def test_package_is_usable(self) -> None:
        """The registry finds the package and accepts its version, streams and hook."""
        assert streams_of(self.expectations.provider)
        assert hook_class(self.expectations.provider)

    def test_airflow_accepts_the_provider_info(self) -> None:
        """The result of ``get_provider_info`` fits Airflow's schemas and names the package. A mistake breaks every command."""
        import jsonschema

        point, info = _provider_info_of(self.expectations.provider)
        assert point.dist
        assert canonicalize_name(info["package-name"]) == canonicalize_name(point.dist.name)
        jsonschema.validate(info, _airflow_schema("provider_info.schema.json"))
        strict = _airflow_schema("provider.yaml.schema.json")
        known = {name: strict["properties"][name] for name in info if name in strict["properties"]}
        jsonschema.validate(info, {"definitions": strict["definitions"], "properties": known})

    def test_form_fits_hook(self) -> None:
        """Airflow's form names the hook, offers the settings that the hook knows, and hides each secret by its name."""
        from airflow.sdk._shared.secrets_masker import should_hide_value_for_key

        form = _form_of(self.expectations.provider)
        hook = hook_class(self.expectations.provider)
        assert form["hook-class-name"].rpartition(".")[2] == hook.__name__
        assert form["hook-name"] == hook.hook_name
        settings = hook.all_settings()
        assert set(form["conn-fields"]) == set(settings), "the form's fields and the hook's settings differ"
        assert form["conn-fields"]["min_interval"]["schema"]["default"] == hook.default_min_interval
        clear = [name for name, setting in settings.items() if setting.secret and not should_hide_value_for_key(name)]
        assert clear == [], "Airflow masks an extra by its name only; rename these, e.g. to end in _secret"

    def test_connection_test_makes_one_call(self, vendor_account: VendorAccount) -> None:
        """The Test button makes one real call and accepts the demo account."""
        vendor_account.simulator.set_now(None)  # the call is for the last minutes, by the worker's clock
        before = len(vendor_account.simulator.calls)
        works, message = vendor_account.hook.test_connection()
        assert works, message
        assert len(vendor_account.simulator.calls) == before + 1
        assert vendor_account.breaches == []

    def test_wrong_key_is_refused_and_not_shown(self, vendor_account: VendorAccount) -> None:
        """The vendor refuses a wrong key, and the message shows neither key."""
        wrong = "a-wrong-key-0001"
        works, message = vendor_account.make_hook(password=wrong).test_connection()
        assert not works
        assert vendor_account.breaches
        assert wrong not in message
        assert str(vendor_account.simulator.credentials[vendor_account.provider]["password"]) not in message

    def test_expired_interval_is_refused_before_the_first_call(
        self, stream_name: str, vendor_account: VendorAccount
    ) -> None:
        """An interval that the vendor no longer keeps is refused before the first call."""
        stream = vendor_account.hook.stream(stream_name)
        if stream.retention is None or stream.windows is None:
            pytest.skip("the vendor states no retention")
        before = len(vendor_account.simulator.calls)
        end = vendor_account.interval(stream).end - stream.retention - 2 * DAY
        interval = Interval(end - stream.slot, end)
        with pytest.raises(WindowExpired, match="is gone"):
            vendor_account.hook.get_df(
                stream.name, interval.start, interval.end, **vendor_account.filters(stream, interval)
            )
        assert len(vendor_account.simulator.calls) == before

    def test_calls_of_two_tasks_keep_the_rate(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Two tasks of one account, one after the other, never call faster than the connection says."""
        with simulated(self.expectations, min_interval={self.expectations.provider: SPACING}) as simulator:
            if simulator.providers[self.expectations.provider].min_interval is None:
                pytest.skip("the simulated vendor has limits of its own; test them in a test of your own")
            vendor_account = VendorAccount(self.expectations, simulator, tmp_path, monkeypatch, min_interval=SPACING)
            stream = vendor_account.bets
            slots = vendor_account.slots(
                stream, vendor_account.interval(stream, math.ceil(2 * vendor_account.width(stream) / HOUR))
            )
            for slot in slots[:2]:
                vendor_account.store(stream, slot, hook=vendor_account.make_hook(min_interval=SPACING))
            assert len(simulator.calls) >= 2
            assert vendor_account.breaches == []


def _provider_info_of(provider: str) -> tuple[EntryPoint, dict[str, Any]]:
    """Return the entry point and the provider info that have the connection type."""
    matches = [
        (point, info)
        for point in entry_points(group="apache_airflow_provider")
        for info in [point.load()()]
        if any(form["connection-type"] == provider for form in info.get("connection-types", ()))
    ]
    assert len(matches) == 1, (
        f"{len(matches)} packages give Airflow the connection type {provider!r}; register get_provider_info in the entry "
        "point group apache_airflow_provider"
    )
    return matches[0]


def _form_of(provider: str) -> dict[str, Any]:
    _, info = _provider_info_of(provider)
    (form,) = (form for form in info["connection-types"] if form["connection-type"] == provider)
    return dict(form)


def _airflow_schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(files("airflow").joinpath(name).read_text(encoding="utf-8"))
    return schema
