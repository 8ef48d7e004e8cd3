// Follows the shop by server-sent events: moves events on the map, or reloads the live part of a
// page. Pages can be read without this script.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const follows = document.body.dataset.follows;
const still = matchMedia("(prefers-reduced-motion: reduce)");

if (follows) {
  const source = new EventSource(`/console/live?${follows}`);
  source.addEventListener("map", (told) => showMap(JSON.parse(told.data)));
  source.addEventListener("changed", reload);
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (shown) => { if (shown.persisted) { location.reload(); } });
}

let loading = false;
let again = false;

// Replaces the live part of the page by its current content from the server, at most once a second.
// Keeps text that a person is typing, and details that a person has opened.
async function reload() {
  const here = document.getElementById("live");
  if (!here) { return; }
  if (loading) { again = true; return; }
  loading = true;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live");
    if (answer.ok && fresh && !busy(here)) {
      const open = [...here.querySelectorAll("details")].map((it) => it.open);
      [...fresh.querySelectorAll("details")].forEach((it, place) => { it.open = open[place] ?? false; });
      here.replaceWith(fresh);
    }
  } catch (error) {
    console.warn("the shop does not answer", error);
  }
  setTimeout(() => {
    loading = false;
    if (again) { again = false; reload(); }
  }, 1000);
}

function busy(here) {
  const focused = document.activeElement;
  const typed = [...here.querySelectorAll("input:not([type=hidden])")].some((it) => it.value !== it.defaultValue);
  return typed || (here.contains(focused) && focused.matches("input, select"));
}

function showMap({ events, rows, moving }) {
  for (const [event, count] of Object.entries(events)) {
    const pill = document.querySelector(`#event-${CSS.escape(event)} .count`);
    if (pill) { pill.textContent = count; }
    const cell = document.getElementById(`count-${event}`);
    if (cell) { cell.textContent = count; }
  }
  for (const [action, { done, failed, dead, average, summary, trouble }] of Object.entries(rows)) {
    const row = document.getElementById(`row-${action}`);
    if (row) {
      row.querySelector(".count").textContent = summary;
      row.querySelector(".bad").textContent = trouble;
    }
    const cells = document.getElementById(`work-${action}`)?.cells;
    if (cells) { [done, failed, dead, average].forEach((value, place) => { cells[place + 2].textContent = value ?? ""; }); }
  }
  if (!still.matches && !document.hidden) { moving.forEach(move); }
}

// A dot runs from the event's publisher to its consumers. No more than sixty run at once.
function move(event) {
  const layer = document.getElementById("moving");
  const role = document.getElementById(`event-${event}`)?.classList[1];
  for (const line of document.querySelectorAll(`.line[data-event="${CSS.escape(event)}"]`)) {
    setTimeout(() => {
      if (!layer || layer.childElementCount >= 60) { return; }
      const path = document.createElementNS(SVG, "animateMotion");
      const how = { dur: "0.8s", begin: "indefinite", fill: "freeze", path: line.getAttribute("d") };
      Object.entries(how).forEach(([name, value]) => path.setAttribute(name, value));
      const dot = document.createElementNS(SVG, "circle");
      dot.setAttribute("r", "4");
      dot.setAttribute("class", `dot ${role}`);
      dot.append(path);
      layer.append(dot);
      path.beginElement();
      setTimeout(() => dot.remove(), 800);
    }, line.id.startsWith("consumed-") ? 700 : 0);
  }
}

// Highlights the lines of an event while the pointer or the keyboard focus is on the event.
for (const event of document.querySelectorAll(".map .event")) {
  const lines = document.querySelectorAll(`.line[data-event="${CSS.escape(event.id.slice(6))}"]`);
  const near = (on) => () => lines.forEach((line) => line.classList.toggle("near", on));
  event.addEventListener("pointerenter", near(true));
  event.addEventListener("pointerleave", near(false));
  event.addEventListener("focus", near(true));
  event.addEventListener("blur", near(false));
}
