// When the answers have not changed for a moment, the detail that is open (if any) is brought up
// to date: never at every stroke, and never for a closed tab.
const SETTLED_MS = 250;
const DETAILS = ["why", "map", "stress"]; // the events that this component sends
let timer = null;

function settled() {
  for (const name of DETAILS) {
    const detail = document.querySelector(`#${name}-detail`);
    if (detail && detail.offsetParent !== null) trigger(name);
  }
}

watch("value", () => {
  clearTimeout(timer);
  timer = setTimeout(settled, SETTLED_MS);
});
