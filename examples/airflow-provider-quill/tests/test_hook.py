"""Quill's signature, by the vectors of its document (2.1)."""

import pytest
from airflow_provider_quill.hook import signature


@pytest.mark.parametrize(
    ("nonce", "expected"),
    [
        ("a1b2c3d4e5f60718", "e11085e6a78278b52d2085538c43ce3c"),
        ("0123456789abcdefghijklmnopqrstuv", "61314a72b93489d792045bb941698424"),
    ],
)
def test_a_vector_of_the_document(nonce, expected):
    assert signature(nonce, "zz1", "demoSecretKey0001") == expected
