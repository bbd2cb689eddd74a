// Draws what `GET /admin/migration` tells, again and again. Everything that came from
// outside is put in as text.
"use strict";

const every = 2000;
const counted = [
  ["legacy", "answered by legacy"],
  ["legacy_failed", "failed"],
  ["kafka", "asked over Kafka"],
  ["kafka_failed", "failed"],
  ["kafka_slow", "slow"],
  ["fell_back", "fell back"],
  ["compared", "compared"],
  ["not_compared", "not compared"],
];

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function row(name, cells) {
  const made = element("tr");
  for (const [text, kind] of cells) made.append(element(name, text, kind));
  return made;
}

function percent(stage) {
  if (stage === "kafka") return 100;
  return stage.endsWith("%") ? Number.parseInt(stage, 10) : 0;
}

function counts(route) {
  const table = element("table");
  const differ = ["status", "header", "json", "bytes"]
    .reduce((sum, kind) => sum + route.counts[`differ_${kind}`], 0);
  const names = counted.map(([, name]) => [name]).concat([["differ"]]);
  const values = counted.map(([key]) => [route.counts[key], "number"]);
  values.push([differ, differ > 0 ? "number bad" : "number"]);
  table.append(row("th", names), row("td", values));
  return table;
}

function samples(route) {
  const table = element("table");
  table.append(row("th", [["when"], ["request"], ["where"], ["legacy"], ["service"]]));
  for (const sample of route.samples) {
    for (const found of sample.differences) {
      table.append(row("td", [
        [new Date(sample.at).toLocaleTimeString(), "name"],
        [`${sample.method} ${sample.correlation_id ?? ""}`, "name"],
        [found.place, "name"],
        [found.legacy ?? "nothing", "side"],
        [found.kafka ?? "nothing", "side"],
      ]));
    }
  }
  return table;
}

function section(route) {
  const made = element("section");
  made.append(element("h2", `${route.name}: ${route.stage}`));
  const bar = element("div", undefined, "bar");
  const done = element("span");
  done.style.width = `${percent(route.stage)}%`;
  bar.append(done);
  made.append(bar);
  const since = route.since ? ` since ${new Date(route.since).toLocaleString()}` : "";
  made.append(element("p", `generation ${route.generation}${since}: ${route.why}`, "why"));
  if (route.held) made.append(element("p", `held: ${route.held}`, "held"));
  made.append(counts(route));
  if (route.samples.length > 0) made.append(samples(route));
  return made;
}

async function draw() {
  const state = document.getElementById("state");
  try {
    const answer = await fetch("/admin/migration");
    const told = await answer.json();
    const drawn = told.routes.map(section);
    if (drawn.length === 0) drawn.push(element("p", "No route moves."));
    document.getElementById("routes").replaceChildren(...drawn);
    state.textContent = `as this gateway knows it, ${new Date().toLocaleTimeString()}`;
  } catch (error) {
    state.textContent = `not told: ${error}`;
  }
  setTimeout(draw, every);
}

draw();
