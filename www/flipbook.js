// Plays the recorded first beats while the WebAssembly is on its way. The pictures come from the page's own
// views; this only puts them in, element by element, so that the style sheet can move what moves.
(() => {
  const boot = window.sendpathBoot;
  const hash = new URLSearchParams(location.hash.slice(1));
  const page = document.getElementById("page");
  const flips = boot?.flips ?? [];
  const other = hash.has("e") || (hash.has("s") && hash.get("s") !== boot?.source.name);
  let timer = 0;
  // The event that is shown, and a way to stop, for the engine that takes over.
  const state = (window.sendpathFlip = { event: null, stop: () => clearTimeout(timer) });
  if (!page) return;
  let motion = null;
  try {
    motion = localStorage.getItem("sendpath-motion");
  } catch {
    // No storage in a sandboxed frame.
  }
  const less = motion ? motion === "less" : matchMedia("(prefers-reduced-motion: reduce)").matches;
  page.dataset.lessMotion = String(less);
  if (other) {
    // A link to another moment: the recorded one would only flash by.
    document.getElementById("app").innerHTML = '<p class="boot-message">Going to that moment …</p>';
    return;
  }

  const parse = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.firstElementChild;
  };

  const key = (node) => (node.nodeType === 1 ? node.getAttribute("data-k") : null);

  // Makes `old` look like `now`, keeping the elements that have the same key.
  const morph = (old, now) => {
    for (const { name, value } of now.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    for (const { name } of [...old.attributes]) if (!now.hasAttribute(name)) old.removeAttribute(name);
    const keyed = new Map([...old.children].filter(key).map((child) => [key(child), child]));
    let at = old.firstChild;
    for (const child of [...now.childNodes]) {
      const name = key(child);
      const same = name ? keyed.get(name) : at && !key(at) && at.nodeName === child.nodeName ? at : null;
      if (same && same.nodeName === child.nodeName) {
        keyed.delete(name);
        if (same !== at) old.insertBefore(same, at);
        else at = at.nextSibling;
        if (child.nodeType === 1) morph(same, child);
        else if (same.nodeValue !== child.nodeValue) same.nodeValue = child.nodeValue;
      } else {
        old.insertBefore(child, at);
      }
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
    for (const gone of keyed.values()) gone.remove();
  };

  const play = (i) => {
    if (i >= flips.length) return;
    timer = setTimeout(() => {
      page.dataset.motion = "travel";
      for (const [name, html] of flips[i].panes) {
        const old = page.querySelector(`section[data-k="${name}"]`);
        if (old) morph(old, parse(html));
      }
      state.event = flips[i].event;
      page.dataset.event = state.event;
      play(i + 1);
    }, flips[i].ms);
  };
  play(0);
})();
