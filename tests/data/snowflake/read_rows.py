"""Reads a table with Snowflake's own connector and prints a line of JSON for each row: its cells, exactly, as text.

    read_rows.py PORT DATABASE QUERY

Decimals are digits, times microseconds since 1970 (rounded down), dates in ISO form, binary values hexadecimal, floats
the shortest text that reads back as the same float; NULL is null.
"""

import datetime
import json
import sys

import snowflake.connector

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
MICROSECOND = datetime.timedelta(microseconds=1)


def write(value):
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            value = value.replace(tzinfo=datetime.timezone.utc)
        return str((value - EPOCH) // MICROSECOND)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        return value.hex().upper()
    if isinstance(value, float):
        return repr(value)
    return str(value) if isinstance(value, int) else f"{value:f}"  # a decimal without an exponent


def main(port, database, query):
    connection = snowflake.connector.connect(
        user="FBCAPI", password="snow", account="fakesnow", host="127.0.0.1", port=int(port), protocol="http",
        database=database, schema="MARTS", session_parameters={"CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False},
    )
    cursor = connection.cursor().execute(query)
    print(snowflake.connector.__version__)
    print(json.dumps([column.name for column in cursor.description]))
    for row in cursor:
        print(json.dumps([write(value) for value in row], ensure_ascii=False))
    connection.close()


main(*sys.argv[1:])
