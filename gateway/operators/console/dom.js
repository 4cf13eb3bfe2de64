// The few words this page needs to speak with the document. Texts go in as text, never as markup.

export const $ = (id) => document.getElementById(id);

/** An element with attributes, listeners (`onclick`) and children; what is false, null or undefined is left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value == null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

/** A row of the heads of columns; a column of buttons has none. */
export function headRow(heads) {
  return h("tr", {}, heads.map((head) => (head ? h("th", { scope: "col" }, head) : h("td"))));
}

/** A cell that says what it is where the heads of the table find no room. */
export const cell = (head, ...content) => h("td", { "data-head": head }, h("span", {}, content));

/** A button that looks like a link; `label` is its name where `text` alone would not tell it from its like. */
export function linkButton(text, label, onclick) {
  return h("button", { type: "button", class: "link", "aria-label": label, onclick }, text);
}

/** Only what differs is written, so that a screen reader is not told the same thing each second. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Puts new children in; who stood on a button stays on the one of the same name. */
export function replaceChildren(element, ...children) {
  const focused = element.contains(document.activeElement) && document.activeElement.getAttribute("aria-label");
  element.replaceChildren(...children.flat().filter(Boolean));
  if (focused) element.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
}

/** Says something once to whoever cannot see it change; politely, after what is being read. */
export function announce(text) {
  write($("announcements"), text);
}

let hiding;

/** A note at the foot of the page that goes by itself; screen readers are told through `announce`. */
export function toast(text) {
  clearTimeout(hiding);
  write($("toast"), text);
  $("toast").hidden = false;
  announce(text);
  // Long enough to read a sentence twice.
  hiding = setTimeout(() => ($("toast").hidden = true), 8000);
}
