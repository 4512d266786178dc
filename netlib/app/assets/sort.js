// A click on the title of a column sorts the rows by it, up and then down; numbers by their value.
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
