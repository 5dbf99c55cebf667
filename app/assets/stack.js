// Cards of a stack, dragged with the pointer or moved with Alt and the arrows. The order goes to Python through the
// stack's own hidden field, as "3 up 17" or "3 to 5 18" (the last number tells equal moves apart).
function cards() {
  let drag = null, moves = 0, dropped = false;
  const at = (host) => Number([...host.classList].find((name) => name.startsWith("tp-at-"))?.slice(6));
  const card = (path) => path.find((node) => node.classList?.contains("tp-card") && !node.classList.contains("tp-fixed"));
  const box = (path) => path.find((node) => node.classList?.contains("tp-stack"));
  const all = (root, selector) => [...root.querySelectorAll("*")].flatMap((node) =>
    node.matches(selector) ? [node] : node.shadowRoot ? all(node.shadowRoot, selector) : []);
  const shown = (stack) => all(stack.shadowRoot, ".tp-card:not(.tp-fixed)").filter((host) => host.getClientRects().length > 0);
  const send = (stack, move) => {
    const field = all(stack.shadowRoot, ".tp-order")[0].shadowRoot.querySelector("input");
    field.value = `${move} ${++moves}`;
    field.dispatchEvent(new Event("change"));
  };
  // A card that gets another name is drawn anew, and its focus is lost: then the chosen card gets it.
  const focus = (stack) => {
    const end = Date.now() + 5000;
    const watch = setInterval(() => {
      const lost = document.activeElement === document.body;
      if (lost) for (const host of shown(stack)) host.shadowRoot.querySelector(".bk-active")?.focus();
      if (lost || Date.now() > end) clearInterval(watch);
    }, 50);
  };
  const clear = () => {
    for (const host of shown(drag.stack)) host.classList.remove("tp-before", "tp-behind");
  };
  document.addEventListener("keydown", (event) => {
    const way = { ArrowUp: "up", ArrowDown: "down", ArrowRight: "in", ArrowLeft: "out", Delete: "delete" }[event.key];
    const path = event.composedPath(), host = way && (event.altKey || way === "delete") && card(path);
    if (!host) return;
    event.preventDefault();
    event.stopPropagation();
    send(box(path), `${at(host)} ${way}`);
    focus(box(path));
  }, true);
  document.addEventListener("pointerdown", (event) => {
    const path = event.composedPath(), host = event.button === 0 && card(path);
    dropped = false;
    if (host) drag = { host, stack: box(path), y: event.clientY, on: false, to: null };
  }, true);
  document.addEventListener("pointermove", (event) => {
    if (!drag || (!drag.on && Math.abs(event.clientY - drag.y) < 6)) return;
    drag.on = true;
    drag.host.classList.add("tp-dragged");
    drag.host.style.transform = `translateY(${event.clientY - drag.y}px)`;
    clear();
    const others = shown(drag.stack).filter((host) => host !== drag.host);
    const next = others.find((host) => { const r = host.getBoundingClientRect(); return event.clientY < r.top + r.height / 2; });
    drag.to = next ? at(next) : shown(drag.stack).length;
    (next ?? others.at(-1))?.classList.add(next ? "tp-before" : "tp-behind");
  }, true);
  const end = (event) => {
    if (!drag) return;
    const { host, stack, on, to } = drag;
    if (on) {
      clear();
      host.classList.remove("tp-dragged");
      host.style.transform = "";
      dropped = event.type === "pointerup";
      if (dropped && to !== null) send(stack, `${at(host)} to ${to}`);
    }
    drag = null;
  };
  document.addEventListener("pointerup", end, true);
  document.addEventListener("pointercancel", end, true);
  document.addEventListener("click", (event) => {
    if (!dropped) return;
    dropped = false;
    event.preventDefault();
    event.stopPropagation();
  }, true);
}
