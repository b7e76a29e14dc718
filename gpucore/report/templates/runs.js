// Several runs side by side: how each stands, and where its own page is.

const cards = new Map();

function cardOf(run) {
  if (!cards.has(run)) {
    const where = document.querySelector(`[data-run="${run}"]`);
    cards.set(run, { where, ...Object.fromEntries(["state", "words", "bar", "gpus", "trouble"].map((name) => [name, where.querySelector(`.${name}`)])) });
  }
  return cards.get(run);
}

function take(told) {
  const card = cardOf(told.run);
  card.where.dataset.life = told.life;
  card.state.textContent = told.state;
  card.words.textContent = told.words;
  card.trouble.textContent = told.trouble;
  card.trouble.hidden = !told.trouble;
  stepsBar(card.bar, told.parts);
  const at = performance.now();
  card.gpus.replaceChildren(...told.gpus.map((gpu) => gpuNow(gpu, at, null)));
  tickAll(card.where);
}

let source = null;

function listen() {
  source = new EventSource("events");
  const link = document.getElementById("link");
  source.addEventListener("open", () => { link.textContent = ""; });
  source.addEventListener("card", (event) => take(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    link.textContent = "No connection: what is seen is as it was.";
    if (source.readyState === EventSource.CLOSED) setTimeout(() => { if (!document.hidden) listen(); }, 3000);
  });
}

document.addEventListener("visibilitychange", () => {
  if (source) source.close();
  if (!document.hidden) listen();
});
setInterval(() => tickAll(document), 1000);
listen();
