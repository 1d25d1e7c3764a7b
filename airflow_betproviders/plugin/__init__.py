"""The coverage page inside the Airflow UI."""
