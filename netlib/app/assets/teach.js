// Of the note of Teach: it goes with its digit, and no correction goes to the digit before.
for (const event of ["pad-sent", "change", "click"]) { // it was of what stood there before
  document.querySelector("#input-tabs").addEventListener(event, () => { props.value = ""; });
}
document.addEventListener("click", (event) => {
  const button = event.target.closest("#teach-tab button");
  if (!button) return;
  props.value = ""; // so that the same words are read out again
  if (button.id !== "teach-button" || !document.querySelector("#answers [data-awaited], #pad .drawing")) return;
  event.stopImmediatePropagation(); // it would teach the digit before
  setTimeout(() => { props.value = '<p class="hint">Nothing was taught, as the digit was not read yet: choose again.</p>'; }, 50);
}, { capture: true });
