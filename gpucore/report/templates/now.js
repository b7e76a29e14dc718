// How a run stands now: a word, a line, a bar of its steps, and what each GPU does.

const KINDS_OF_STEPS = { done: "good", running: "running", failed: "bad", "cut off": "cut", skipped: "faint", cancelled: "faint", waiting: "left" };


function stepsBar(where, parts) {
  const total = parts.reduce((sum, [, count]) => sum + count, 0);
  where.hidden = !total;
  where.setAttribute("aria-label", parts.map(([name, count]) => `${count} ${name}`).join(", "));
  where.title = parts.map(([name, count]) => `${count} ${name}`).join(", ");
  where.replaceChildren(...parts.map(([name, count]) => {
    const one = make("span", { class: `k-${KINDS_OF_STEPS[name]}` });
    one.style.flexGrow = count;
    return one;
  }));
}

function gpuNow(gpu, at, open) {
  const told = gpu.steps ? gpu.steps.told : [];
  const named = told.flatMap(([key, name, since]) => {
    const took = make("span", { class: "since" });
    took.dataset.since = String(since);
    took.dataset.at = String(at);
    const step = make("bdi", {}, name);
    return [open ? make("button", { type: "button", class: "plain", onclick: () => open(key) }, step) : step, " ", took, " "];
  });
  if (gpu.steps && gpu.steps.more) named.push(`and ${gpu.steps.more} more`);
  const known = gpu.load !== undefined && gpu.load !== null;
  const facts = [
    known ? `${gpu.load} %` : "",
    gpu.memory === undefined || gpu.memory === null ? "" : `${(gpu.memory / 1024).toFixed(1)}${gpu.total ? ` of ${(gpu.total / 1024).toFixed(0)}` : ""} GiB`,
    gpu.heat === undefined || gpu.heat === null ? "" : `${gpu.heat} °C`,
  ].filter(Boolean);
  const meter = known ? make("span", { class: "meter", role: "img", "aria-label": `load ${gpu.load} per cent` }, make("span")) : "";
  if (meter) meter.firstChild.style.width = `${Math.min(gpu.load, 100)}%`;
  return make("li", { class: told.length ? "busy" : "" },
    make("strong", {}, make("bdi", {}, gpu.label)),
    make("span", { class: "doing" }, ...(named.length ? named : [make("span", { class: "idle" }, gpu.note ? "" : "idle")]),
      gpu.note ? make("span", { class: "s-failed" }, make("bdi", {}, gpu.note)) : ""),
    make("span", { class: "said" }, meter, facts.join(" · ")));
}

function tickAll(root) {
  for (const one of root.querySelectorAll(".since")) {
    one.textContent = duration(Number(one.dataset.since) * 1000 + performance.now() - Number(one.dataset.at));
  }
}
