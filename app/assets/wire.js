// The wire between the served shell and Python: the address bar, the rail, keys, theme and projector mode.
// Python sets `address` ({link: "?page=...", push}) and `page`; this side sends {go, from}, {formulas}, {key}, {theme}, {projector}, {motion}, {large}.

const NAMES = { theme: "tp-theme", projector: "tp-projector" };

function setTheme(model, theme, keep) {
  document.documentElement.dataset.theme = theme;
  if (keep) localStorage.setItem(NAMES.theme, theme);
  document.cookie = `${NAMES.theme}=${theme}; path=/; max-age=31536000; SameSite=Strict`;
  model.send_msg({ theme });
}

function setProjector(model, on, keep) {
  document.body.classList.toggle("tp-projector", on);
  document.querySelector('[data-act="projector"]')?.setAttribute("aria-pressed", String(on));
  if (keep) localStorage.setItem(NAMES.projector, on ? "1" : "");
  model.send_msg({ projector: on });
  window.dispatchEvent(new Event("resize"));
}

// A projector is bright: light by default, and back to the theme that was.
function project(model) {
  const on = !document.body.classList.contains("tp-projector");
  setProjector(model, on, true);
  const kept = localStorage.getItem(NAMES.theme) ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const theme = on ? "light" : kept;
  if (theme !== document.documentElement.dataset.theme) setTheme(model, theme, false);
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
  const key = { " ": "play", ArrowLeft: "back", ArrowRight: "on", c: "code", C: "code", a: "ask", A: "ask", Escape: "escape" }[event.key];
  if (key) model.send_msg({ key });
  else if (event.key === "p" || event.key === "P") act(model, "projector");
  else if (event.key === "d" || event.key === "D") act(model, "theme");
  else if (event.key === "?") document.getElementById("tp-help").showModal();
  else return;
  if (event.key === "Escape") return;
  event.preventDefault();
  event.stopPropagation();
}

function act(model, name) {
  if (name === "about") document.getElementById("tp-about").showModal();
  if (name === "projector") project(model);
  if (name === "theme") setTheme(model, document.documentElement.dataset.theme === "dark" ? "light" : "dark", true);
}

// What stock widgets leave unnamed for assistive technology: sliders, checkboxes, formulas.
function nameAll(root) {
  for (const element of root.querySelectorAll("*")) {
    const shadow = element.shadowRoot;
    if (!shadow) continue;
    nameAll(shadow);
    for (const handle of shadow.querySelectorAll(".noUi-handle")) nameHandle(element, handle);
    for (const still of shadow.querySelectorAll(".bk-events[tabindex='0']")) still.tabIndex = -1;  // no key moves a figure
    const box = [...shadow.children].find((at) => at.matches("input[type=checkbox]:not([aria-label])"));
    if (box) box.setAttribute("aria-label", shadow.querySelector(".bk-label")?.textContent ?? "");
    for (const drawn of shadow.querySelectorAll("svg[role=img]:not([aria-label])")) drawn.setAttribute("aria-label", formula(element));
  }
}

function formula(host) {
  for (const model of Bokeh.documents[0]._all_models.values()) {
    if (model.type?.endsWith("MathJax") && Bokeh.index.find_one(model)?.el === host) {
      return "Formula: " + model.text.replace(/<[^>]*>/g, "").replaceAll("$", "").replaceAll("&amp;", "&").trim();
    }
  }
  return "Formula";
}

function nameHandle(host, handle) {
  if (handle.dataset.tpNamed) return;
  handle.dataset.tpNamed = "1";
  const words = () => {
    const property = (each) => getComputedStyle(host).getPropertyValue(each).trim().replace(/^'|'$/g, "");
    const said = property("--tp-words");
    const title = host.shadowRoot.querySelector(".bk-slider-title");
    const at = (title?.textContent ?? "").lastIndexOf(": ");  // a name may have a colon of its own
    const [name, value] = at < 0 ? [title?.textContent] : [title.textContent.slice(0, at), title.textContent.slice(at + 2)];
    const label = host.classList.contains("tp-dial-slider") ? property("--tp-name") || "Width" : name || "Value";
    if (handle.getAttribute("aria-label") !== label) handle.setAttribute("aria-label", label);
    const text = said || value;
    if (text && handle.getAttribute("aria-valuetext") !== text) handle.setAttribute("aria-valuetext", text);
  };
  words();
  new MutationObserver(words).observe(handle, { attributes: true, attributeFilter: ["aria-valuetext", "aria-valuenow"] });
  new MutationObserver(words).observe(host, { attributes: true, attributeFilter: ["style"] });
}

// The rail is a strip that scrolls on small screens: the present lab stands in it.
const seen = (link) => link?.scrollIntoView({ block: "nearest", inline: "nearest" });

export function render({ model }) {
  seen(document.querySelector("[data-page][aria-current=page]"));
  const mark = (page) => {
    for (const link of document.querySelectorAll("[data-page]")) {
      if (link.dataset.page === page) {
        link.setAttribute("aria-current", "page");
        seen(link);
      } else link.removeAttribute("aria-current");
    }
  };
  let waiting = null, timer = 0;
  const write = (link, push) => {
    if ((link === "?" ? "" : link) !== location.search) {
      history[push ? "pushState" : "replaceState"]({}, "", location.pathname + (link === "?" ? "" : link) + location.hash);
    }
  };
  const flush = () => {
    clearTimeout(timer);
    timer = 0;
    if (waiting !== null) write(waiting, false);
    waiting = null;
  };
  model.on("address", () => {
    const { link, push } = model.address;
    if (push) {
      flush();
      write(link, true);
    } else {
      waiting = link;
      if (!timer) timer = setTimeout(flush, 250);
    }
  });
  // Python may have read the link before this side was there to hear what it made of it.
  if (model.address.link && !new URLSearchParams(location.search).has("theme")) write(model.address.link, false);
  let asked = model.page;  // the page that the visitor last wished for: Python may still be at an earlier wish
  model.on("page", () => { mark(model.page); asked = asked || model.page; });
  const typeset = () => {
    const script = document.createElement("script");
    script.src = document.querySelector("meta[name=tp-formulas]").content;
    script.onload = async () => {
      // BokehJS has looked for it with the first widget, in vain; it may look again.
      const { default_provider: provider } = Bokeh.require("models/text/providers");
      provider.status = "not_started";
      await provider.fetch();
      model.send_msg({ formulas: true });
      lookOften();
    };
    document.head.append(script);
  };
  // Python may have asked before this side was there to hear it.
  if (model.formulas) typeset();
  else model.on("formulas", typeset);
  window.addEventListener("popstate", () => {
    waiting = null;
    asked = new URLSearchParams(location.search).get("page") ?? "";
    model.send_msg({ go: location.search, from: "history" });
  });
  document.addEventListener("keydown", (event) => onKey(model, event), true);
  for (const button of document.querySelectorAll("[data-act]")) button.addEventListener("click", () => act(model, button.dataset.act));
  for (const link of document.querySelectorAll("[data-page]")) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      if (link.dataset.page === model.page && link.dataset.page === asked) return;
      asked = link.dataset.page;
      flush();
      write(link.getAttribute("href"), true);
      mark(link.dataset.page);
      model.send_msg({ go: link.getAttribute("href"), from: "rail" });
    });
  }
  let menu = false;
  document.addEventListener("click", (event) => {
    const path = event.composedPath().map((at) => at.classList).filter(Boolean);
    if (path.some((names) => names.contains("tp-export"))) menu = true;
    else if (menu && !path.some((names) => names.contains("tp-menu"))) {
      menu = false;
      model.send_msg({ key: "escape" });
    }
  });
  // Before the field reads the file; a field in a shadow root tells the document of "input", not of "change".
  document.addEventListener("input", (event) => {
    const field = event.composedPath()[0], file = field.type === "file" && field.files[0];
    if (!file || file.size <= model.largest) return;
    field.value = "";
    model.send_msg({ large: file.name });
  }, true);
  setProjector(model, localStorage.getItem(NAMES.projector) === "1", false);
  const motion = matchMedia("(prefers-reduced-motion: reduce)");
  const tell = () => model.send_msg({ motion: motion.matches });
  motion.addEventListener("change", tell);
  tell();
  setTheme(model, document.documentElement.dataset.theme, false);
  let due = 0;
  const look = () => { nameAll(document); due = 0; };
  const soon = () => { if (!due) due = setTimeout(look, 300); };
  new MutationObserver(soon).observe(document.getElementById("main"), { childList: true, subtree: true });
  const lookOften = () => { for (const wait of [300, 1000]) setTimeout(look, wait); };
  lookOften();
  setInterval(look, 2500);  // what is drawn in shadow roots, however late, the observer does not see
  cards();
  document.documentElement.dataset.wired = "1";
  return document.createElement("span");
}
