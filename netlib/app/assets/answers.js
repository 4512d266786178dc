// The boxes around several digits are laid over the pad that they were drawn on.
function showBoxes() {
  const overlay = document.querySelector("#@PAD@ .pad-boxes");
  const boxes = element.querySelector("svg.boxes");
  if (overlay) overlay.innerHTML = boxes ? boxes.outerHTML : "";
}

// When the answers have not changed for a moment, the detail that is open (if any) is brought up
// to date: never at every stroke, and never for a closed tab.
const SETTLED_MS = 250;
const DETAILS = @DETAILS@; // the events that this component sends
let timer = null;

function settled() {
  for (const name of DETAILS) {
    const detail = document.querySelector(`#${name}-detail`);
    if (detail && detail.offsetParent !== null) trigger(name);
  }
}

watch("value", () => {
  showBoxes();
  clearTimeout(timer);
  timer = setTimeout(settled, SETTLED_MS);
});
