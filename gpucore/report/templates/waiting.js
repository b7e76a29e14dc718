// There is no run yet: the page is loaded again when there is.

const source = new EventSource("events");
source.addEventListener("whole", () => { source.close(); location.reload(); });
source.addEventListener("card", (event) => {
  const { trouble } = JSON.parse(event.data);
  const where = document.getElementById("trouble");
  where.textContent = trouble;
  where.hidden = !trouble;
});
