"""Sends the conversions after the dbt model was built: a task that is tried again only when that helps."""

import subprocess
from datetime import timedelta

import pendulum
from airflow.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from airflow.decorators import dag, task

TEMPORARY, LOCKED, LIMIT = 5, 7, 8


@task(retries=3, retry_delay=timedelta(minutes=5), execution_timeout=timedelta(hours=1))
def sync() -> None:
    """Runs `fbcapi sync`; its exit code decides (fbcapi help exit-codes)."""
    code = subprocess.run(["fbcapi", "sync", "--max-duration", "50m"], check=False).returncode
    if code in (0, LIMIT):
        return
    if code == LOCKED:
        raise AirflowSkipException("another run is under way")
    if code == TEMPORARY:
        raise AirflowException("temporary trouble; nothing is lost")
    raise AirflowFailException(f"fbcapi ended with exit code {code}: fbcapi explain exit-{code}")


@dag(
    schedule="*/15 * * * *",
    start_date=pendulum.datetime(2026, 11, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    tags=["meta"],
)
def fbcapi():
    """One run every quarter of an hour; put `sync()` behind the task that builds the model if there is one."""
    sync()


fbcapi()
