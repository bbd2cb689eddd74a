"""A service of orders in Python, with nothing but its own HTTP server. It knows nothing of Kafka:

  python3 orders.py 3000
  KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:9092 ipc-http-shim serve --service orders \\
    --upstream http://127.0.0.1:3000 --create-topics 12 --attempts 3
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# What was shipped, and by which attempt.
shipped = {}


class Orders(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        match self.path.split("/"):
            case ["", "orders", order]:
                self.answer(200, {"id": order, "shippedBy": shipped.get(order)})
            case ["", "orders", _, "events"]:
                self.events("placed", "packed", "shipped")
            case _:
                self.answer(404, {"error": "there is no such thing"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        match self.path.split("/"):
            case ["", "orders", order, "place"]:
                count = json.loads(body)["count"]
                request = self.headers["x-request-id"]
                self.answer(201, {"id": order, "count": count, "request": request})
            case ["", "orders", order, "ship"]:
                # The carrier fails the first time: a 500, and the request comes again.
                attempt = int(self.headers["ipc-attempt"])
                if attempt < 2:
                    return self.answer(500, {"error": "the carrier does not answer"})
                shipped[order] = attempt
                self.answer(200, {})
            case _:
                self.answer(405, {"error": "it cannot be done"})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def events(self, *steps):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in [f"data: {step}\n\n".encode() for step in steps]:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    server = ThreadingHTTPServer(("127.0.0.1", port), Orders)
    print(f"listening on {server.server_port}", flush=True)
    server.serve_forever()
