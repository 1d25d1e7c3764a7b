"""Nova's signature equals one that openssl computed."""

from airflow_provider_nova.hook import signature


def test_the_signature_is_an_hmac_of_the_sorted_fields():
    # printf 'account=house7&from=1&to=2' | openssl dgst -sha256 -hmac demo-nova-key-01
    expected = "cd876fd1f433d50334af283b178de286f1ad2d610ea081e9d071c63aced1bd84"
    assert signature({"to": 2, "account": "house7", "from": 1}, "demo-nova-key-01") == expected
