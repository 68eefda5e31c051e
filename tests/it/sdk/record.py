"""Writes down what Meta's SDKs send, byte for byte, into requests.jsonl: record.py FOLDER_OF_THE_SDKS

The folder is one that install.sh made. Run it again when the events or the versions of the SDKs change.
"""

import json
import os
import pathlib
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = pathlib.Path(__file__).parent
# The clock of the test that plays the requests again stands a minute later.
SECONDS = "1789999940"
ANSWER = b'{"events_received":2,"messages":[],"fbtrace_id":"ATHEd8F7ddsITPV0fE5TWjY"}'

recorded = []


class Recorder(BaseHTTPRequestHandler):
    """Answers as Meta does and keeps what it read."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        # The port differs from run to run.
        headers = [(name, "127.0.0.1" if name.lower() == "host" else value) for name, value in self.headers.items()]
        head = "".join(f"{name}: {value}\r\n" for name, value in headers)
        recorded.append({"head": f"{self.requestline}\r\n{head}\r\n", "body": body.decode()})
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_):
        """Says nothing."""


def main(folder):
    """Lets both SDKs send, and writes what came."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    environment = {**os.environ, "NODE_PATH": str(folder / "node" / "node_modules")}
    for sdk, program in [("python", folder / "python" / "bin" / "python"), ("node", "node")]:
        script = HERE / {"python": "send.py", "node": "send.js"}[sdk]
        first = len(recorded)
        ran = subprocess.run(
            [program, script, url, SECONDS], env=environment, check=True, capture_output=True, text=True
        )
        for request, line in zip(recorded[first:], ran.stdout.splitlines(), strict=True):
            request["way"] = f"{sdk} {line.split()[0]}"
    with open(HERE / "requests.jsonl", "w", encoding="utf-8") as file:
        for request in recorded:
            line = {"way": request["way"], "head": request["head"], "body": request["body"]}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


main(pathlib.Path(sys.argv[1]).resolve())
