// The page while it is told more: steps that began and ended, what GPUs said, tables that changed.

const MORE_AT_MOST = 6000; // attempts beyond those that the page came with; then it is loaded anew
const BACK_MS = 3000;
const LOG_MS = 1000;
const LOG_MOST = 1 << 18;
const TITLE = document.title;

const came = model.steps.length;
const byKey = new Map(model.steps.map((step) => [step.key, step]));
const heldBack = new Map();
let version = $("data").dataset.version;
let lives = false;
let nowMs = model.to;
let nowAt = performance.now();
let source = null;
let outdated = false;

const final = (step) => !["running", "waiting"].includes(model.states[step.state]);

// Steps

function takeSteps(packed) {
  for (const step of stepsOf(packed, model.lanes)) {
    const known = byKey.get(step.key);
    if (model.bins && known && final(known)) bin(known, -1);
    if (known) {
      Object.assign(known, { ...step, place: known.place, words: step.words || known.words });
    } else {
      step.place = model.steps.length;
      model.steps.push(step);
      byKey.set(step.key, step);
    }
    if (model.bins && final(step)) bin(step, 1);
  }
}

// Where bins draw what is not told one by one, they draw what ends now, too.
function bin(step, sign) {
  const { width } = model.bins;
  for (const lane of step.lanes) {
    let cell = model.cells.find((one) => one.lane === lane && one.stage === step.stage && one.state === step.state);
    if (!cell) model.cells.push(cell = { lane, stage: step.stage, state: step.state, places: [], shares: [] });
    for (let place = Math.floor(step.began / width); place <= Math.floor(step.ended / width); place += 1) {
      const spent = Math.min(step.ended, (place + 1) * width) - Math.max(step.began, place * width);
      let nth = cell.places.findLastIndex((one) => one <= place);
      if (nth < 0 || cell.places[nth] !== place) {
        nth += 1;
        cell.places.splice(nth, 0, place);
        cell.shares.splice(nth, 0, 0);
      }
      cell.shares[nth] = Math.max(cell.shares[nth] + (sign * 100 * spent) / width, 0);
    }
  }
}

function takeCounts([stages, states]) {
  perStage.splice(0, Infinity, ...stages);
  perState.splice(0, Infinity, ...states);
  const label = (box) => box.parentElement.querySelector("bdi");
  model.stages.forEach((name, place) => {
    const said = `${name || "(no stage)"} (${perStage[place]})`;
    if (stageBoxes[place]) label(stageBoxes[place]).textContent = said;
    else stageBoxes.push(...boxes($("stages"), [[place, said]], [STAGE_COLOURS[place % STAGE_COLOURS.length]]));
  });
  model.states.forEach((name, place) => {
    const box = stateBoxes.find((one) => Number(one.value) === place);
    if (box) label(box).textContent = `${name} (${perState[place]})`;
    else if (perState[place]) stateBoxes.push(...boxes($("states"), [[place, `${name} (${perState[place]})`]]));
  });
}

function takeSamples(samples) {
  for (const [lane, at, load, memory, heat] of samples) {
    if (!model.samples.has(lane)) model.samples.set(lane, { times: [], load: [], memory: [], heat: [] });
    const some = model.samples.get(lane);
    some.times.push(at);
    some.load.push(load);
    some.memory.push(memory);
    some.heat.push(heat);
    if (some.times.length > 3000) thin(some);
  }
}

// Two become one: the mean of the load, the most of the others.
function thin(some) {
  const pairs = (values, joined) => values.filter((_, nth) => nth % 2 === 0).map((value, nth) => joined(value, values[2 * nth + 1]));
  const known = (join) => (one, other) => (one === null || other === null || other === undefined ? one ?? other ?? null : join(one, other));
  some.times = pairs(some.times, (one) => one);
  some.load = pairs(some.load, known((one, other) => Math.round((one + other) / 2)));
  some.memory = pairs(some.memory, known(Math.max));
  some.heat = pairs(some.heat, known(Math.max));
}

function takeGaps({ put, gone }) {
  const name = (gap) => `${gap[0]}/${gap[1]}`;
  const without = new Set([...gone.map(name), ...put.map(name)]);
  model.gaps = [...model.gaps.filter((gap) => !without.has(name(gap))), ...put];
}

// The page's own tables come as they are made for a page that is loaded: every name in them is text.

function takePart(name, html) {
  const part = document.querySelector(`[data-part="${name}"]`);
  const chosen = getSelection();
  if (!chosen.isCollapsed && chosen.containsNode(part, true)) {
    heldBack.set(name, html); // somebody copies from it
    return;
  }
  heldBack.delete(name);
  const uses = () => [...part.querySelectorAll("button, a, summary")];
  const focused = uses().indexOf(document.activeElement);
  const sorted = part.querySelector("table.sortable th[aria-sort]");
  const closed = [...part.querySelectorAll("details")].map((one) => !one.open);
  const aside = [...part.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
  const made = document.createElement("template");
  made.innerHTML = html;
  part.replaceChildren(made.content);
  connect(part);
  part.querySelectorAll("details").forEach((one, nth) => { if (closed[nth]) one.open = false; });
  part.querySelectorAll(".scroll").forEach((one, nth) => { one.scrollLeft = aside[nth] || 0; });
  if (sorted) {
    const again = part.querySelector("table.sortable").tHead.rows[0].cells[sorted.cellIndex].querySelector("button");
    again.click();
    if (sorted.getAttribute("aria-sort") === "descending") again.click();
  }
  if (focused >= 0) uses()[focused]?.focus({ preventScroll: true });
}

document.addEventListener("selectionchange", () => {
  if (getSelection().isCollapsed) for (const [name, html] of [...heldBack]) takePart(name, html);
});

function take(changed) {
  if (changed.now !== undefined) setNow(changed.now, changed.lives);
  if (changed.stages) model.stages.splice(0, Infinity, ...changed.stages);
  for (const [lane, rows] of changed.rows || []) model.lanes[lane].rows = rows;
  for (const [lane, busy] of (changed.busy || []).entries()) model.lanes[lane].busy = busy;
  if (changed.runs) model.runs = changed.runs;
  if (changed.notes) model.notes = changed.notes;
  if (changed.gaps) takeGaps(changed.gaps);
  if (changed.samples) takeSamples(changed.samples);
  if (changed.steps) {
    takeSteps(changed.steps);
    takeCounts(changed.counts);
  }
  for (const [name, html] of Object.entries(changed.parts || {})) takePart(name, html);
  if (changed.steps) {
    timeline.arrange();
    const dialog = $("detail");
    if (detailed && dialog.open) dialog.querySelector("dl").replaceWith(factsOf(detailed));
  }
  if (changed.steps || changed.gaps || changed.samples) drawLegend();
  goOn();
  if (changed.steps) filter(true);
  else redraw();
  if (model.steps.length > came + MORE_AT_MOST) loadAgain();
}

// Time

function setNow(at, goesOn) {
  nowMs = at;
  nowAt = performance.now();
  lives = goesOn;
}

function goOn() {
  const at = lives ? nowMs + performance.now() - nowAt : nowMs;
  for (const step of model.steps) {
    if (model.states[step.state] !== "running") continue;
    step.ended = Math.max(at, step.began);
    step.took = step.ended - step.began;
  }
  model.to = Math.max(model.to, at);
  if (model.runs.length) model.runs.at(-1)[2] = Math.max(model.runs.at(-1)[2], at);
  timeline.grow();
}

setInterval(() => {
  if (lives) tickAll(document);
  if (!lives || document.hidden || timeline.drag) return;
  goOn();
  redraw();
}, 1000);

// How it stands

function takeCard(card) {
  $("live").dataset.life = card.life;
  if ($("live-state").textContent !== card.state && $("live-state").textContent) $("live-said").textContent = card.state;
  $("live-state").textContent = card.state;
  $("live-words").textContent = card.words;
  $("live-trouble").textContent = card.trouble;
  $("live-trouble").hidden = !card.trouble;
  stepsBar($("live-bar"), card.parts);
  const at = performance.now();
  $("live-gpus").replaceChildren(...card.gpus.map((gpu) => gpuNow(gpu, at, (key) => byKey.has(key) && showDetail(byKey.get(key)))));
  tickAll($("live"));
  if (card.at) setNow(Math.round((card.at - model.from) * 1000), card.life === "runs");
  document.title = `${card.life === "runs" ? "▶ " : ""}${TITLE}`;
}

// The connection

function listen() {
  source = new EventSource(`events?from=${encodeURIComponent(version)}`);
  source.addEventListener("open", () => { $("live-link").textContent = ""; });
  source.addEventListener("change", (event) => {
    version = event.lastEventId;
    take(JSON.parse(event.data));
  });
  source.addEventListener("card", (event) => takeCard(JSON.parse(event.data)));
  source.addEventListener("whole", () => { source.close(); loadAgain(); });
  source.addEventListener("error", () => {
    $("live-link").textContent = "no connection; what is seen is as it was";
    lives = false;
    if (source.readyState === EventSource.CLOSED) setTimeout(() => { if (!document.hidden) listen(); }, BACK_MS);
  });
}

// A browser has few connections for all its tabs: one that nobody sees needs none.
document.addEventListener("visibilitychange", () => {
  if (source) source.close();
  if (!document.hidden) listen();
});

function loadAgain() {
  if (outdated) return;
  outdated = true;
  const soon = () => {
    keepChoices();
    const last = Number(sessionStorage.getItem("gpucore-loaded") || 0);
    sessionStorage.setItem("gpucore-loaded", String(Date.now()));
    setTimeout(() => location.reload(), Date.now() - last < BACK_MS ? BACK_MS : 0);
  };
  if ($("detail").open) $("detail").addEventListener("close", soon, { once: true });
  else soon();
}

function keepChoices() {
  const off = (all, names) => all.filter((box) => !box.checked).map((box) => names[Number(box.value)]);
  const whole = timeline.view[0] <= timeline.whole[0] && timeline.view[1] >= timeline.whole[1];
  sessionStorage.setItem(`gpucore-choices ${location.pathname}`, JSON.stringify({
    find: $("find").value, stages: off(stageBoxes, model.stages), states: off(stateBoxes, model.states),
    view: whole ? null : timeline.view, theme: document.documentElement.dataset.theme || "",
  }));
}

function takeChoices() {
  const kept = JSON.parse(sessionStorage.getItem(`gpucore-choices ${location.pathname}`) || "null");
  sessionStorage.removeItem(`gpucore-choices ${location.pathname}`);
  if (!kept) return;
  $("find").value = kept.find;
  for (const box of stageBoxes) box.checked = !kept.stages.includes(model.stages[Number(box.value)]);
  for (const box of stateBoxes) box.checked = !kept.states.includes(model.states[Number(box.value)]);
  if (kept.view) timeline.look(...kept.view);
  if (kept.theme) document.documentElement.dataset.theme = kept.theme;
  filter();
}

// A log that is followed

function followedLog(step) {
  const text = make("pre", { tabIndex: 0, id: "log-text", "aria-label": "Last lines of the log" });
  const said = make("span", { class: "hint", id: "log-said" });
  let raw = "";
  let next = "";
  const show = () => {
    const low = text.scrollHeight - text.scrollTop - text.clientHeight < 30;
    // A line that a program writes over again and again is shown as it is now.
    text.textContent = raw.split("\n").map((one) => one.replace(/\r+$/, "")).map((one) => one.slice(one.lastIndexOf("\r") + 1)).join("\n");
    if (low) text.scrollTop = text.scrollHeight;
  };
  const look = async () => {
    if (detailed !== step || !text.isConnected) return;
    let wait = LOG_MS;
    try {
      const answer = document.hidden ? null : await fetch(`${step.log}?from=${next}`, { cache: "no-store" });
      if (answer && answer.ok) {
        const part = await answer.json();
        if (part.start !== next) raw = part.start ? "…\n" : "";
        raw += part.text;
        if (raw.length > LOG_MOST) raw = `…\n${raw.slice(raw.indexOf("\n", raw.length - LOG_MOST / 2) + 1)}`;
        const grown = part.end !== next;
        next = part.end;
        if (grown) show();
        said.textContent = part.runs ? "followed while it runs" : part.size ? "" : "it is empty";
        if (!part.runs && part.end >= part.size) return;
        if (part.end < part.size && part.text) wait = 0;
      } else if (answer) {
        said.textContent = "there is no log in the output folder";
        if (final(step)) return;
      }
    } catch {
      said.textContent = "no connection";
    }
    setTimeout(look, wait);
  };
  setTimeout(look, 0);
  return make("section", { class: "log" },
    make("p", {}, "Log ", make("a", { href: step.log, target: "_blank", rel: "noopener" }, "its end as text"), " ", said), text);
}

takeCard(JSON.parse($("live").dataset.now));
takeChoices();
listen();
