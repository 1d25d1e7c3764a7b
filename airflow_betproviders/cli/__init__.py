"""The commands of ``airflow betproviders``."""
