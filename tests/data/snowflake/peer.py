"""A server for the tests that speaks the session protocol of Snowflake's drivers and runs SQL with fakesnow (DuckDB).

fakesnow's own server leaves out what real clients need, so that only its cursor is used here. This adds the master
token and its renewal, `returned`, `version` and `finalRoleName`, Arrow as Snowflake writes it (scaled integers in the
narrowest width of each part, NULL within structs), results in parts, statements that are polled for, sessions that
end, answers that are lost, and one writer at a time in each database.

What only Snowflake can show: roles and privileges, the offset of a TIMESTAMP_TZ (DuckDB keeps the instant) and that a
TIMESTAMP_LTZ is none, whole numbers beyond 64 bits, its own formats of dates and times as text, and types that DuckDB
lacks.

It prints its port, listens on 127.0.0.1 only, and ends when its standard input is closed. Any user with the password
`snow` may log in. A comment in a statement asks for faults, each of which happens so many times for one comment in one
database: `/* sim: chunk=500 async=3 expire=1 */`

    async=N      the answer must be polled for N times
    chunk=N      parts of at most N rows, the first of them a tenth as large and in the answer itself
    json=1       rows in JSON instead of Arrow
    rawgzip=1    parts are compressed and do not say so
    qrmkonly=1   parts come with a master key and without headers
    expire=N     the session has ended
    fail503=N    a page of a load balancer, and the statement does not run
    lost503=N    the same, but the statement runs: asked again with the same request id, it does not run twice
    chunk403=N   the address of a part has expired
    chunk503=N   a part cannot be had just now
    chunkcut=N   a part ends in the middle
"""

import asyncio
import base64
import collections
import gzip
import json
import os
import re
import secrets
import socket
import sys
import threading
import time
import uuid

import fakesnow.macros
import fakesnow.transforms
import snowflake.connector.errors
import uvicorn
from fakesnow.instance import FakeSnow
from fakesnow.rowtype import describe_as_rowtype
from peer_rows import arrow, json_part, json_rows
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

PASSWORD = "snow"
# A part of a result holds so many rows where the statement does not say.
PART_ROWS = 20_000
# After so long a transaction that nobody ends is rolled back for whoever waits.
PATIENCE_SECONDS = 20

FAKE = FakeSnow()
SESSIONS = {}  # token -> Session
MASTERS = {}  # master token -> Session
WRITERS = {}  # database -> Writer
PARTS = {}  # id -> (bytes, whether they say that they are compressed, Faults)
PENDING = {}  # query id -> [polls that are left, answer, Faults]
ENDED = {}  # query id -> (answer, what `result` makes its data of)
ANSWERED = {}  # request id -> answer to a statement whose answer may be lost
HAPPENED = collections.Counter()  # (database, comment, fault) -> times
SEEN = collections.defaultdict(collections.Counter)  # database -> what a test may ask for: faults, polls and parts


def trim(expression, original=fakesnow.transforms.trim_cast_varchar):
    """Keeps what fakesnow forgets of a TRIM: which characters to take away, and on which side."""
    trimmed = original(expression)
    if trimmed is not expression:
        for argument in ("expression", "position"):
            trimmed.set(argument, expression.args.get(argument))
    return trimmed


def macros(database, original=fakesnow.macros.creation_sql):
    """Adds a function of Snowflake's that fakesnow does not know."""
    return original(database) + f"CREATE OR REPLACE MACRO {database}.current_warehouse() AS 'WH';"


fakesnow.transforms.trim_cast_varchar = trim
fakesnow.macros.creation_sql = macros


class Session:
    """A connection of fakesnow and the tokens that lead to it."""

    def __init__(self, connection):
        self.connection = connection
        self.is_within_transaction = False
        self.used = 0.0

    def database(self):
        return self.connection.database or ""

    def end_transaction(self):
        """Ends a transaction that was not ended."""
        self.connection._duck_conn.rollback()
        self.is_within_transaction = False


class Writer:
    """Lets one session at a time write to a database.

    Snowflake locks a table from the first statement of a transaction that changes it to the transaction's end, and
    others wait; DuckDB refuses them instead. Here a transaction is alone from its beginning. Reading never waits.
    """

    def __init__(self):
        self.lock = asyncio.Lock()
        self.holder = None

    async def enter(self, session):
        session.used = time.monotonic()
        while self.holder is not session:
            try:
                await asyncio.wait_for(self.lock.acquire(), PATIENCE_SECONDS)
                self.holder = session
            except TimeoutError:
                self.release_if_idle()

    def release_if_idle(self):
        holder = self.holder
        is_idle = holder and time.monotonic() - holder.used >= PATIENCE_SECONDS
        if is_idle and holder.is_within_transaction:
            holder.end_transaction()
            self.leave(holder)

    def leave(self, session):
        if self.holder is session and not session.is_within_transaction:
            self.holder = None
            self.lock.release()


class Faults:
    """What a statement's comment asks for."""

    def __init__(self, sql, database):
        comment = re.search(r"/\*\s*sim:(.*?)\*/", sql, re.S)
        self.key = (database, comment and comment[1])
        self.wanted = {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", comment[1])} if comment else {}

    def get(self, name, default=0):
        return self.wanted.get(name, default)

    def happens(self, name):
        """Whether a fault happens now, which is counted."""
        if HAPPENED[*self.key, name] >= self.get(name):
            return False
        HAPPENED[*self.key, name] += 1
        self.note(name)
        return True

    def note(self, name):
        """Counts something that a test may ask for."""
        SEEN[self.key[0]][name] += 1


# --- Answers ---------------------------------------------------------------------------------------------------------


def done(data):
    return {"data": data, "code": None, "message": None, "success": True}


def refused(code, message, data=None):
    return {"data": data, "code": code, "message": message, "success": False, "headers": None}


def unavailable():
    return Response("<html>503 Service Unavailable</html>", 503, media_type="text/html")


def result(table, rowtype, is_query, faults, address):
    """The data of an answer: the first rows in it, the others in parts."""
    total, most = table.num_rows, faults.get("chunk", PART_ROWS)
    is_json = not is_query or faults.get("json")
    first = total if total <= most else max(1, most // 10)
    parts = []
    for start in range(first, total, most):
        rows = table.slice(start, most)
        plain = json_part(rows) if is_json else arrow(rows, rowtype)
        zipped, name = gzip.compress(plain, 1), uuid.uuid4().hex
        PARTS[name] = (zipped, not faults.get("rawgzip"), faults)
        url = f"{address}/parts/{name}?X-Amz-Signature=signature-secret"
        sizes = {"uncompressedSize": len(plain), "compressedSize": len(zipped)}
        parts.append({"url": url, "rowCount": rows.num_rows, **sizes})
    head = table.slice(0, first)
    data = {"rowtype": rowtype, "total": total, "returned": total, "version": 1, "parameters": []}
    if is_json:
        data |= {"queryResultFormat": "json", "rowset": json_rows(head)}
    else:
        head = base64.b64encode(arrow(head, rowtype)).decode() if total else ""
        data |= {"queryResultFormat": "arrow", "rowsetBase64": head}
    if parts:
        data |= {"chunks": parts, "qrmk": "master-key"}
        if not faults.get("qrmkonly"):
            data["chunkHeaders"] = {"x-amz-server-side-encryption-customer-key": "header-key"}
    return data


# --- Statements ------------------------------------------------------------------------------------------------------


def run(session, sql):
    """Runs a statement and gives its rows and what they are."""
    if re.match(r"(?is)\s*alter\s+session\s+set\b", sql):  # fakesnow knows one parameter only
        sql = "SELECT 'Statement executed successfully.' AS \"status\""
    cursor = session.connection.cursor()
    cursor.execute(sql, server=True)
    rowtype = describe_as_rowtype(cursor._describe_last_sql())
    return cursor._arrow_table, [dict(info) for info in rowtype]


async def run_in_turn(session, sql):
    """Runs a statement when it is its turn: only reading needs none."""
    words = re.sub(r"/\*.*?\*/", " ", sql, flags=re.S).upper().split()
    first = words[0] if words else ""
    if first in ("SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN"):
        return True, *await run_in_threadpool(run, session, sql)
    writer = WRITERS.setdefault(session.database(), Writer())
    await writer.enter(session)
    try:
        if first in ("BEGIN", "START"):
            session.is_within_transaction = True
        elif first in ("COMMIT", "ROLLBACK"):
            session.is_within_transaction = False
        return False, *await run_in_threadpool(run, session, sql)
    finally:
        writer.leave(session)


async def answer_to(session, sql, faults, address):
    query_id = str(uuid.uuid4())
    try:
        is_query, table, rowtype = await run_in_turn(session, sql)
        made_of = (table, rowtype, is_query, faults, address)
        data = await run_in_threadpool(result, *made_of)
    except snowflake.connector.errors.Error as error:
        code = f"{error.errno or 603:06}"
        data = {"errorCode": code, "sqlState": error.sqlstate, "queryId": query_id, "internalError": False}
        return refused(code, error.msg, data)
    except Exception as error:  # what fakesnow cannot do: whoever writes a test must see it
        print(f"cannot run: {sql}\n{error!r}", file=sys.stderr, flush=True)
        return refused("000603", f"fakesnow cannot run this: {error}", {"queryId": query_id})
    final = {"finalDatabaseName": session.database(), "finalRoleName": "REPORTER", "finalWarehouseName": "WH"}
    kind = {"queryId": query_id, "statementTypeId": 4096 if is_query else 8192, "sqlState": None}
    answer = done(data | final | kind)
    ENDED[query_id] = (answer, made_of)
    return answer


def in_progress(query_id):
    data = {"queryId": query_id, "getResultUrl": f"/queries/{query_id}/result", "queryAbortsAfterSecs": 300}
    return {"data": data, "code": "333334", "message": "Asynchronous execution in progress.", "success": True}


# --- Routes ----------------------------------------------------------------------------------------------------------


async def body_of(request):
    body = await request.body()
    if request.headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    return json.loads(body) if body else {}


def token_of(request):
    return (request.headers.get("authorization") or "").removeprefix('Snowflake Token="').removesuffix('"')


def new_token(session):
    token = secrets.token_urlsafe(24)
    SESSIONS[token] = session
    return token


async def login(request):
    data, query = (await body_of(request))["data"], request.query_params
    if data.get("PASSWORD") != PASSWORD:
        return JSONResponse(refused("390100", "Incorrect username or password was specified."))
    names = [query.get("databaseName"), query.get("schemaName")]
    # A name in quotes means the same here: DuckDB does not tell names apart by case.
    database, schema = [name and name.strip('"') for name in names]
    writer = WRITERS.setdefault("", Writer())
    session = Session(None)
    await writer.enter(session)
    try:
        session.connection = await run_in_threadpool(FAKE.connect, database, schema)
    finally:
        writer.leave(session)
    master = secrets.token_urlsafe(24)
    MASTERS[master] = session
    return JSONResponse(done({
        "token": new_token(session), "masterToken": master, "validityInSeconds": 3600,
        "masterValidityInSeconds": 14400, "sessionId": 1, "serverVersion": "9.33.1", "displayUserName": "FAKE",
        "firstLogin": False, "remMeToken": None, "remMeValidityInSeconds": 0, "healthCheckInterval": 45,
        "newClientForUpgrade": None, "idToken": None, "idTokenValidityInSeconds": 0, "responseData": None,
        "mfaToken": None, "parameters": [{"name": "AUTOCOMMIT", "value": True}, {"name": "TIMEZONE", "value": "UTC"}],
        "sessionInfo": {
            "databaseName": database, "schemaName": schema, "warehouseName": query.get("warehouse"),
            "roleName": query.get("roleName") or "PUBLIC",
        },
    }))


async def renewal(request):
    session = MASTERS.get(token_of(request))
    if not session:
        return JSONResponse(refused("390114", "Authentication token has expired."))
    return JSONResponse(done({
        "sessionToken": new_token(session), "validityInSecondsST": 3600, "masterToken": token_of(request),
        "validityInSecondsMT": 14400, "sessionId": 1,
    }))


async def statement(request):
    sql, token = (await body_of(request)).get("sqlText", ""), token_of(request)
    session = SESSIONS.get(token)
    if not session:
        return JSONResponse(refused("390104", "User must login again to access the service."), 401)
    faults = Faults(sql, session.database())
    request_id = request.query_params.get("requestId")
    if faults.happens("expire"):
        del SESSIONS[token]
        return JSONResponse(refused("390112", "Your session has expired. Please login again."))
    if request_id in ANSWERED:
        answer = ANSWERED[request_id]
    elif faults.happens("fail503"):
        return unavailable()
    else:
        address = f"http://{request.url.netloc}"
        answer = await answer_to(session, sql, faults, address)
        if faults.get("lost503"):
            ANSWERED[request_id] = answer
    if faults.happens("lost503"):
        return unavailable()
    if faults.get("async") and answer["success"]:
        query_id = answer["data"]["queryId"]
        PENDING[query_id] = [faults.get("async"), answer, faults]
        return JSONResponse(in_progress(query_id))
    return JSONResponse(answer)


async def poll(request):
    query_id = request.path_params["query"]
    if query_id in PENDING:
        PENDING[query_id][0] -= 1
        left, answer, faults = PENDING[query_id]
        faults.note("poll")
        if left > 0:
            return JSONResponse(in_progress(query_id))
        del PENDING[query_id]
        return JSONResponse(answer)
    if query_id not in ENDED:
        return JSONResponse(refused("000709", f"Statement {query_id} not found"))
    # Who asks again wants fresh addresses of the same parts.
    answer, made_of = ENDED[query_id]
    return JSONResponse(done(answer["data"] | await run_in_threadpool(result, *made_of)))


async def seen(request):
    """Tells a test what happened to the statements in a database."""
    return JSONResponse(done(SEEN[request.query_params["database"]]))


async def part(request):
    known = PARTS.get(request.path_params["part"])
    if not known:
        return Response("<Error><Code>NoSuchKey</Code></Error>", 404, media_type="application/xml")
    zipped, says_so, faults = known
    if faults.happens("chunk403"):
        return Response("<Error><Code>AccessDenied</Code></Error>", 403, media_type="application/xml")
    if faults.happens("chunk503"):
        return Response("<Error><Code>SlowDown</Code></Error>", 503, media_type="application/xml")
    if faults.happens("chunkcut"):
        zipped = zipped[: len(zipped) // 2]
    key = request.headers.get("x-amz-server-side-encryption-customer-key")
    if key != ("master-key" if faults.get("qrmkonly") else "header-key"):
        return Response("<Error><Code>InvalidRequest</Code></Error>", 400, media_type="application/xml")
    faults.note("part")
    return Response(zipped, headers={"Content-Encoding": "gzip"} if says_so else {})


async def close(request):
    token = token_of(request)
    session = SESSIONS.get(token)
    if not session:
        return JSONResponse(refused("390111", "Session no longer exists."))
    if request.query_params.get("delete"):
        del SESSIONS[token]
        if session.is_within_transaction:
            session.end_transaction()
            WRITERS[session.database()].leave(session)
    return JSONResponse(done(None))


async def nothing(_):
    return JSONResponse(done(None))


APP = Starlette(routes=[
    Route("/session/v1/login-request", login, methods=["POST"]),
    Route("/session/token-request", renewal, methods=["POST"]),
    Route("/session", close, methods=["POST"]),
    Route("/session/heartbeat", nothing, methods=["POST"]),
    Route("/queries/v1/query-request", statement, methods=["POST"]),
    Route("/queries/v1/abort-request", nothing, methods=["POST"]),
    Route("/queries/{query}/result", poll),
    Route("/seen", seen, methods=["POST"]),
    Route("/parts/{part}", part),
    Route("/telemetry/send", nothing, methods=["POST"]),
])


def end_with_stdin():
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    # asyncio sends small answers at once only where a socket names its protocol.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    threading.Thread(target=end_with_stdin, daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(APP, log_level="warning", timeout_keep_alive=75)
    uvicorn.Server(config).run(sockets=[listener])
