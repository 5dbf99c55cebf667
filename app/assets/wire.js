// The wire between the served shell and Python: the address bar, the rail, keys, theme and projector mode.
// Python sets `link` ("?page=..."), `push` and `page`; this side sends messages: {go}, {key}, {theme}, {motion}.

const NAMES = { theme: "tp-theme", projector: "tp-projector" };

function setTheme(model, theme, keep) {
  document.documentElement.dataset.theme = theme;
  if (keep) localStorage.setItem(NAMES.theme, theme);
  model.send_msg({ theme });
}

function setProjector(on, keep) {
  document.body.classList.toggle("tp-projector", on);
  document.querySelector('[data-act="projector"]')?.setAttribute("aria-pressed", String(on));
  if (keep) localStorage.setItem(NAMES.projector, on ? "1" : "");
  window.dispatchEvent(new Event("resize"));
}

function deepActive() {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at;
}

const typing = (at) => at?.matches?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable=true]");
const pressing = (at) => at?.matches?.("button, a, summary, [role=button], input");

function onKey(model, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const at = deepActive();
  if (typing(at)) return;
  const handle = at?.classList?.contains("noUi-handle");
  const dial = handle && at.getRootNode().host?.classList.contains("tp-dial-slider");
  if (handle && !dial && event.key.startsWith("Arrow")) return;
  if (event.key === " " && pressing(at)) return;
  const key = { " ": "play", ArrowLeft: "back", ArrowRight: "on", c: "code", C: "code" }[event.key];
  if (key) model.send_msg({ key });
  else if (event.key === "p" || event.key === "P") act(model, "projector");
  else if (event.key === "d" || event.key === "D") act(model, "theme");
  else if (event.key === "?") document.getElementById("tp-help").showModal();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function act(model, name) {
  if (name === "about") document.getElementById("tp-about").showModal();
  if (name === "projector") setProjector(!document.body.classList.contains("tp-projector"), true);
  if (name === "theme") setTheme(model, document.documentElement.dataset.theme === "dark" ? "light" : "dark", true);
}

// Sliders of the stock widgets have no accessible name: give each handle its widget's title and its value in words.
function nameHandles(root) {
  for (const element of root.querySelectorAll("*")) {
    if (!element.shadowRoot) continue;
    nameHandles(element.shadowRoot);
    for (const handle of element.shadowRoot.querySelectorAll(".noUi-handle")) nameHandle(element, handle);
  }
}

function nameHandle(host, handle) {
  if (handle.dataset.tpNamed) return;
  handle.dataset.tpNamed = "1";
  const words = () => {
    const said = getComputedStyle(host).getPropertyValue("--tp-words").trim().replace(/^'|'$/g, "");
    const title = host.shadowRoot.querySelector(".bk-slider-title");
    const [name, value] = (title?.textContent ?? "").split(": ");
    const label = host.classList.contains("tp-dial-slider") ? "Width" : name || "Value";
    if (handle.getAttribute("aria-label") !== label) handle.setAttribute("aria-label", label);
    const text = said || value;
    if (text && handle.getAttribute("aria-valuetext") !== text) handle.setAttribute("aria-valuetext", text);
  };
  words();
  new MutationObserver(words).observe(handle, { attributes: true, attributeFilter: ["aria-valuetext", "aria-valuenow"] });
  new MutationObserver(words).observe(host, { attributes: true, attributeFilter: ["style"] });
}

export function render({ model }) {
  const mark = () => {
    for (const link of document.querySelectorAll("[data-page]")) {
      if (link.dataset.page === model.page) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  };
  model.on("link", () => {
    const { link, push } = model;
    if (link === location.search) return;
    history[push ? "pushState" : "replaceState"]({}, "", location.pathname + link + location.hash);
  });
  model.on("page", mark);
  window.addEventListener("popstate", () => model.send_msg({ go: location.search, from: "history" }));
  document.addEventListener("keydown", (event) => onKey(model, event), true);
  for (const button of document.querySelectorAll("[data-act]")) button.addEventListener("click", () => act(model, button.dataset.act));
  for (const link of document.querySelectorAll("[data-page]")) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      model.send_msg({ go: link.getAttribute("href"), from: "rail" });
    });
  }
  setProjector(localStorage.getItem(NAMES.projector) === "1", false);
  const motion = matchMedia("(prefers-reduced-motion: reduce)");
  const tell = () => model.send_msg({ motion: motion.matches });
  motion.addEventListener("change", tell);
  model.send_msg({ theme: document.documentElement.dataset.theme, motion: motion.matches });
  let due = 0;
  const look = () => { nameHandles(document); due = 0; };
  const soon = () => { if (!due) due = setTimeout(look, 300); };
  new MutationObserver(soon).observe(document.getElementById("main"), { childList: true, subtree: true });
  for (const wait of [300, 1000, 2500]) setTimeout(look, wait);
  return document.createElement("span");
}
