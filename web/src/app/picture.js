// A pane as an SVG that stands alone: the pane itself in a foreignObject, with the rules of style that hold now.

const rules = (list) =>
  Array.from(list, (rule) => {
    if (rule instanceof CSSMediaRule) return matchMedia(rule.conditionText).matches ? rules(rule.cssRules) : "";
    if (rule instanceof CSSSupportsRule) return rules(rule.cssRules);
    return rule.cssText;
  }).join("\n");

export function paneAsSvg(selector) {
  const pane = document.querySelector(selector);
  if (!pane) return undefined;
  const { width, height } = pane.getBoundingClientRect();
  const copy = pane.cloneNode(true);
  const canvases = copy.querySelectorAll("canvas");
  pane.querySelectorAll("canvas").forEach((canvas, i) => {
    const image = document.createElement("img");
    image.src = canvas.toDataURL();
    image.className = canvas.className;
    canvases[i].replaceWith(image);
  });
  for (const hidden of copy.querySelectorAll(".visually-hidden, button.handle")) hidden.remove();
  copy.style.cssText += `;width:${width}px;height:${height}px;margin:0;position:relative;inset:auto`;
  // Rules name what a pane lies in: it is there, but takes no part in the layout.
  let whole = copy;
  for (let around = pane.parentElement; around && around !== document.body; around = around.parentElement) {
    const shell = around.cloneNode(false);
    shell.style.display = "contents";
    shell.append(whole);
    whole = shell;
  }
  const body = document.createElement("div");
  body.setAttribute("style", "font:16px/1.4 var(--sans);color:var(--ink);background:var(--paper)");
  const style = document.createElement("style");
  style.textContent = Array.from(document.styleSheets, (sheet) => rules(sheet.cssRules)).join("\n");
  body.append(style, whole);
  const markup = new XMLSerializer().serializeToString(body);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"><foreignObject width="100%" height="100%">${markup}</foreignObject></svg>\n`;
}
