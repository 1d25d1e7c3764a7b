"""Tests that need no more than a plain Airflow. A package, so that pytest ends the Airflow with the last of them."""
