"""Builds the dbt project in a folder and writes what became of it: build.py FOLDER MODEL...

Each model's rows go to MODEL.ndjson, to be compared, and to MODEL.parquet, to be sent; the outcome of each model and
test goes to standard output, a line each. Warnings of dbt's parser count as errors: what it deprecates has no place in
a model. As Snowflake reads a model it must give the same rows: it is translated from Snowflake's SQL, and run again.
"""

import os
import sys

import duckdb
import sqlglot
from dbt.cli.main import dbtRunner

folder, *models = sys.argv[1:]
os.chdir(folder)
runner = dbtRunner()
options = ["--quiet", "--project-dir", ".", "--profiles-dir", "."]
# The send log is no model, so dbt does not know that it comes first.
for command in [["--warn-error", "parse", "--no-partial-parse"], ["seed"], ["build", "--exclude", "resource_type:seed"]]:
    outcome = runner.invoke([*command, *options])
    if not outcome.success:
        sys.exit(f"dbt {' '.join(command)} failed: {outcome.exception or [str(result) for result in outcome.result]}")
for result in outcome.result:
    print(result.node.name, result.status, result.failures or 0)
with duckdb.connect("shop.duckdb") as database:
    for model in models:
        rows = f"select * exclude (processed_at) from {model} order by event_id"
        with open(f"target/compiled/shop/models/{model}.sql") as compiled:
            [translated] = sqlglot.transpile(compiled.read(), read="snowflake", write="duckdb")
        again = f"select * exclude (processed_at) from ({translated}) order by event_id"
        if database.execute(rows).fetchall() != database.execute(again).fetchall():
            sys.exit(f"{model} has other rows as Snowflake reads it")
        database.execute(f"copy ({rows}) to '{model}.ndjson' (format json)")
        database.execute(f"copy {model} to '{model}.parquet' (format parquet)")
