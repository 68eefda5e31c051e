"""Meta's Python SDK's part in the comparison that compare.py directs: the same rows become request bodies.

Reads the rows of the file that is named, keeps them as Python values, and then does what it is told on stdin: `round`
makes the bodies of all rows once, `body` shows the first. Each answer is one line.
"""

import hashlib
import json
import os
import sys
from datetime import datetime, timedelta, timezone

from facebook_business.adobjects.serverside.action_source import ActionSource
from facebook_business.adobjects.serverside.custom_data import CustomData
from facebook_business.adobjects.serverside.event import Event
from facebook_business.adobjects.serverside.event_request import EventRequest
from facebook_business.adobjects.serverside.http_service_interface import HttpServiceInterface
from facebook_business.adobjects.serverside.user_data import UserData

BATCH_ROWS = 1000
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MILLISECOND = timedelta(milliseconds=1)


class Body(HttpServiceInterface):
    """Takes the place of the SDK's sending: gives the body instead."""

    def execute(self, url, method, request_options, headers, params):
        # The SDK has written each event as JSON already.
        return '{"data":[' + ",".join(params["data"]) + "]}"


def read(line):
    """Reads a row into the values that a database's driver would give."""
    row = json.loads(line)
    for column in ("occurred_at", "fbclid_occurred_at"):
        if row[column] is not None:
            row[column] = EPOCH + timedelta(microseconds=row[column])
    if row["value"] is not None:
        row["value"] = float(row["value"])
    return row


def without_refused(rows):
    """Empties the cells for which the SDK would give up the whole request, and counts them."""
    refused = {"email": 0, "phone": 0}
    for row in rows:
        for column in refused:
            try:
                UserData(**{column: row[column]}).normalize()
            except (TypeError, ValueError):
                row[column] = None
                refused[column] += 1
    return refused


def hashed_id(text):
    """Hashes an id of a person, which the SDK leaves to its caller."""
    return hashlib.sha256("".join(text.lower().split()).encode()).hexdigest()


def event(row):
    """Makes the SDK's event of a row."""
    first, last = row["first_name"], row["last_name"]
    if first is None and last is None and row["full_name"] is not None:
        words = row["full_name"].split()
        first, last = words[0], words[-1]
    birth, click = row["date_of_birth"], None
    if row["fbclid"] is not None:
        click = f"fb.1.{(row['fbclid_occurred_at'] - EPOCH) // MILLISECOND}.{row['fbclid']}"
    ids = [hashed_id(row[column]) for column in ("external_id", "person_id") if row[column] is not None]
    user_data = UserData(
        email=row["email"],
        phone=row["phone"],
        first_name=first,
        last_name=last,
        date_of_birth=None if birth is None else birth.replace("-", ""),
        external_ids=ids,
        fbc=click,
    )
    custom_data = CustomData(
        value=row["value"], currency=row["currency"], content_type=row["facebook_content_type"]
    )
    return Event(
        event_name=row["facebook_event_type"],
        event_time=int(row["occurred_at"].timestamp()),
        event_id=row["event_id"],
        action_source=ActionSource.SYSTEM_GENERATED,
        user_data=user_data,
        custom_data=custom_data,
    )


def body(rows):
    """Makes the body of a request, as the SDK does."""
    events = [event(row) for row in rows]
    return EventRequest("1234567890", events=events, http_client=Body(), access_token="none").execute()


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        rows = [read(line) for line in file]
    refused = without_refused(rows)
    batches = [rows[start : start + BATCH_ROWS] for start in range(0, len(rows), BATCH_ROWS)]
    print(json.dumps({"process": os.getpid(), "refused": refused}), flush=True)
    for command in sys.stdin:
        if command.strip() == "round":
            size = sum(len(body(batch)) for batch in batches)
            print(json.dumps({"events": len(rows), "bytes": size}), flush=True)
        else:
            print(body(batches[0]), flush=True)


main()
