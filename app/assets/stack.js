// Cards of a stack, dragged with the pointer or moved with Alt and the arrows. The order goes to Python through the
// stack's own hidden field, as "3 up 17" or "3 to 5 18" (the last number tells equal moves apart).
function cards() {
  let drag = null, moves = 0, dropped = false;
  const at = (host) => Number([...host.classList].find((name) => name.startsWith("tp-at-"))?.slice(6));
  const card = (path) => path.find((node) => node.classList?.contains("tp-card") && !node.classList.contains("tp-fixed"));
  const box = (path) => path.find((node) => node.classList?.contains("tp-stack"));
  const slots = (stack) => [...stack.shadowRoot.querySelectorAll(".tp-slot")].filter((slot) => slot.offsetParent !== null);
  const inner = (root, selector) => {
    for (const node of root.querySelectorAll("*")) {
      if (node.matches(selector)) return node;
      const found = node.shadowRoot && inner(node.shadowRoot, selector);
      if (found) return found;
    }
    return null;
  };
  const send = (stack, move) => {
    const field = inner(stack.shadowRoot, ".tp-order").shadowRoot.querySelector("input");
    field.value = `${move} ${++moves}`;
    field.dispatchEvent(new Event("change"));
  };
  const focus = (stack) => setTimeout(() => {
    for (const slot of slots(stack)) inner(slot.shadowRoot, ".tp-card")?.shadowRoot.querySelector(".bk-active")?.focus();
  }, 200);
  const clear = () => {
    for (const slot of slots(drag.stack)) inner(slot.shadowRoot, ".tp-card").classList.remove("tp-before", "tp-behind");
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
    const others = slots(drag.stack).map((slot) => inner(slot.shadowRoot, ".tp-card")).filter((host) => host !== drag.host);
    const next = others.find((host) => { const r = host.getBoundingClientRect(); return event.clientY < r.top + r.height / 2; });
    drag.to = next ? at(next) : slots(drag.stack).length;
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
