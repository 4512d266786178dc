// Of a batch's table. A click on the title of a column sorts the rows by it, up and then down; numbers by their value.
const compare = new Intl.Collator("en", { numeric: true }).compare;

element.addEventListener("click", (event) => {
  const head = event.target.closest("th");
  if (!event.target.closest("button") || !head) return;
  const index = head.cellIndex;
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const body = head.closest("table").tBodies[0];
  const text = (row) => row.cells[index]?.textContent ?? "";
  body.append(...[...body.rows].sort((a, b) => compare(text(a), text(b)) * (down ? -1 : 1)));
});

// While a batch is read the server is asked whether it is there: nobody else would say so.
const GONE = "The server does not answer, so nothing is read: when it is back, choose the files anew.";
const ASK_MS = 3000;
const HEALTH = new URL("health", document.baseURI);
const note = document.createElement("p");
note.className = "hint";
note.setAttribute("role", "alert");
const summary = document.createElement("p"); // for who does not see the table
summary.className = "unseen";
summary.setAttribute("role", "status");
element.after(note, summary);
let asking = null;

function ask() {
  const mine = asking = setTimeout(async () => {
    const gone = await fetch(HEALTH).then(({ ok }) => !ok, () => true);
    if (mine !== asking) return;
    if (gone) note.textContent = GONE;
    else ask();
  }, ASK_MS);
}

function rest() {
  clearTimeout(asking);
  asking = null;
  note.textContent = "";
}

document.addEventListener("click", ({ target }) => {
  if (!target.closest("#batch-button")) return;
  rest();
  ask();
});
watch("value", () => {
  rest();
  summary.textContent = element.querySelector(".batch-head p")?.textContent ?? "";
});
