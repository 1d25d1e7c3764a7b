"""Declare the members of a record: a name, and a kind that says how its value travels and what its column holds."""

from airflow_betproviders.declare.fields.base import Field, Kind, OddValue, Rounded
from airflow_betproviders.declare.fields.json_text import Number
from airflow_betproviders.declare.fields.nested import DecimalMap, ListOf, Record
from airflow_betproviders.declare.fields.scalars import Boolean, Decimal, Double, Integer, Text
from airflow_betproviders.declare.fields.times import Epoch, IsoTime, StrptimeTime, TimeKind

__all__ = [
    "Boolean",
    "Decimal",
    "DecimalMap",
    "Double",
    "Epoch",
    "Field",
    "Integer",
    "IsoTime",
    "Kind",
    "ListOf",
    "Number",
    "OddValue",
    "Record",
    "Rounded",
    "StrptimeTime",
    "Text",
    "TimeKind",
]
