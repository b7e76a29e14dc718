// Tables that sort: that of all attempts, and those that the page came with.

const AT_ONCE = 50;
const LIVING = document.getElementById("live") !== null; // more is told to this page while it is looked at

class StepTable {
  constructor(table, model, clock, open) {
    this.model = model;
    this.open = open;
    this.body = table.tBodies[0];
    this.limit = AT_ONCE;
    const state = (step) => model.states[step.state];
    this.columns = [
      ["Step", "", (step) => step.name, (step) => this.nameCell(step)],
      ["Stage", "", (step) => model.stages[step.stage], (step) => make("bdi", {}, model.stages[step.stage])],
      ["Ended", "", state, (step) => make("span", { class: `s-${state(step).replace(" ", "-")}` }, state(step))],
      ["Attempt", "n", (step) => step.number, (step) => String(step.number || "")],
      ["GPU", "t", (step) => step.gpus, (step) => make("bdi", {}, step.gpus)],
      ["Began", "t", (step) => step.began, (step) => clock.both(step.began)],
      ["Waited", "n", (step) => step.waited, (step) => (step.number ? duration(step.waited) : "")],
      ["Took", "n", (step) => step.took, (step) => this.tookCell(step)],
      ["Reason", "", (step) => step.reason || step.warning, (step) => make("bdi", {}, step.reason || step.warning)],
    ];
    if (LIVING || model.steps.some((step) => step.memory !== undefined)) {
      this.columns.push(["Memory", "n", (step) => step.memory ?? -1, (step) => (step.memory === undefined ? "" : `${step.memory} MiB`)]);
    }
    if (LIVING || model.steps.some((step) => step.load !== undefined)) {
      this.columns.push(["Load", "n", (step) => step.load ?? -1, (step) => (step.load === undefined ? "" : `${step.load} %`)]);
    }
    this.sorted = { column: 5, down: false };
    this.steps = [];
    this.heads = this.columns.map(([title, kind], column) => {
      const button = make("button", { type: "button", onclick: () => this.sortBy(column) }, title);
      return make("th", { scope: "col", class: kind }, button);
    });
    table.tHead.append(make("tr", {}, ...this.heads));
  }

  nameCell(step) {
    const button = make("button", { type: "button", class: "plain", onclick: () => this.open(step) }, make("bdi", {}, step.name));
    button.dataset.key = step.place;
    return button;
  }

  tookCell(step) {
    if (!step.number) return "";
    const took = make("span", {}, duration(step.took));
    if (LIVING && this.model.states[step.state] === "running") {
      took.className = "since";
      took.dataset.since = String(step.took / 1000);
      took.dataset.at = String(performance.now());
    }
    return took;
  }

  show(steps) {
    this.limit = AT_ONCE;
    this.refresh(steps);
  }

  refresh(steps) {
    const focused = this.body.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
    this.steps = steps;
    this.fill();
    if (focused !== undefined) this.body.querySelector(`[data-key="${focused}"]`)?.focus({ preventScroll: true });
  }

  sortBy(column) {
    this.sorted = { column, down: this.sorted.column === column && !this.sorted.down };
    this.fill();
  }

  more() {
    this.limit += 5 * AT_ONCE;
    this.fill();
  }

  get hidden() { return Math.max(this.steps.length - this.limit, 0); }

  fill() {
    const { column, down } = this.sorted;
    const value = this.columns[column][2];
    const rows = [...this.steps].sort((a, b) => compared(value(a), value(b)) || a.place - b.place);
    if (down) rows.reverse();
    this.heads.forEach((head, place) => {
      if (place === column) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    this.body.replaceChildren(
      ...rows.slice(0, this.limit).map((step) =>
        make("tr", {}, ...this.columns.map(([, kind, , cell]) => make("td", { class: kind }, cell(step)))),
      ),
    );
  }
}

const BY_NUMBER = new Intl.Collator("en", { numeric: true });

const compared = (a, b) => (typeof a === "number" ? a - b : BY_NUMBER.compare(a, b));

function makeSortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = make("button", { type: "button" }, ...head.childNodes);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      const value = (row) => {
        const cell = row.cells[column];
        return cell.dataset.value === undefined ? cell.textContent : cell.dataset.value;
      };
      const rows = [...table.tBodies[0].rows].sort((a, b) => BY_NUMBER.compare(value(a), value(b)));
      table.tBodies[0].append(...(down ? rows.reverse() : rows));
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
    });
  });
}
