// Of the note of Teach: it goes with its digit, no correction goes to the digit before, and no answer that is
// under way shows a correction that was taken back.
for (const event of ["pad-sent", "change", "click"]) { // it was of what stood there before
  document.addEventListener(event, ({ target }) => { if (target.closest("#input-tabs")) props.value = ""; });
}
const ASK_MS = 1500, HEALTH = new URL("health", document.baseURI);
const GONE = `<p class="hint">The server does not answer, so nothing was taught or taken back.</p>`;
document.addEventListener("click", (event) => {
  const button = event.target.closest("#teach-tab button");
  if (!button) return;
  props.value = ""; // so that the same words are read out again
  setTimeout(() => props.value || fetch(HEALTH).catch(() => { props.value = GONE; }), ASK_MS);
  if (!document.querySelector("#answers [data-awaited], #pad .drawing")) return;
  event.stopImmediatePropagation();
  const done = button.id === "teach-button" ? "taught" : "taken back";
  setTimeout(() => { props.value = `<p class="hint">Nothing was ${done}, as the digit was not read yet: choose again.</p>`; }, 50);
}, { capture: true });
