// A service of orders in Node, with nothing but its own HTTP server. It knows nothing of Kafka:
//
//   node orders.mjs 3000
//   KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:9092 ipc-http-shim serve --service orders \
//     --upstream http://127.0.0.1:3000 --create-topics 12 --attempts 3
import { createServer } from "node:http";

/** What was shipped, and by which attempt. */
const shipped = new Map();

const answer = (response, status, value) => {
  const body = JSON.stringify(value);
  response.writeHead(status, { "content-type": "application/json" }).end(body);
};

const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;

  const [, orders, id, action] = request.url.split("/");
  const route = `${request.method} ${action ?? ""}`;
  if (orders !== "orders" || !id) {
    answer(response, 404, { error: "there is no such thing" });
  } else if (route === "GET ") {
    answer(response, 200, { id, shippedBy: shipped.get(id) ?? null });
  } else if (route === "POST place") {
    const { count } = JSON.parse(body);
    answer(response, 201, { id, count, request: request.headers["x-request-id"] });
  } else if (route === "POST ship") {
    // The carrier fails the first time: a 500, and the request comes again.
    const attempt = Number(request.headers["ipc-attempt"]);
    if (attempt < 2) return answer(response, 500, { error: "the carrier does not answer" });
    shipped.set(id, attempt);
    answer(response, 200, {});
  } else if (route === "GET events") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const step of ["placed", "packed", "shipped"]) response.write(`data: ${step}\n\n`);
    response.end();
  } else {
    answer(response, 405, { error: "it cannot be done" });
  }
});

server.listen(Number(process.argv[2] ?? 3000), "127.0.0.1", () => {
  console.log(`listening on ${server.address().port}`);
});
