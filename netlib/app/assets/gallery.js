// A click on an example puts it on the pad, which then answers as for a drawing.
element.addEventListener("click", (event) => {
  const picture = event.target.closest(".example")?.querySelector("img");
  const pad = document.querySelector("#@PAD@ .pad");
  if (!picture || !pad) return;
  document.querySelector("#input-tabs button[role=tab]")?.click(); // the tab with the pad
  pad.dispatchEvent(new CustomEvent("pad-load", { detail: picture.src }));
  const box = pad.getBoundingClientRect(), calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (box.top < 0) pad.scrollIntoView({ behavior: calm ? "instant" : "smooth", block: "start" });
  pad.querySelector("canvas").focus({ preventScroll: true });
});
