"""``airflow betproviders``: what is there and what is not, from a terminal."""
