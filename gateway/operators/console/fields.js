// The fields in which controls are edited: each reads its value back, or says what is wrong with it.
import { labelOf, MESSAGES, needsMessages, rangeOf, textOf } from "./controls.js";
import { h, write } from "./dom.js";
import { nameOf, number, t } from "./language.js";

// People write 25 000 and 25,000.
const BETWEEN_DIGITS = /[\s\u00a0\u202f,]/g;

/** Returns { elements, read(), showFaults({ name: text }), showCurrent(controls), focus() }. */
export function createFields(names, controls, onInput) {
  const fields = Object.fromEntries(names.map((name) => [name, createField(controls[name])]));
  const input = () => {
    showMessages(fields);
    onInput();
  };
  for (const { element } of Object.values(fields)) element.addEventListener("input", input);
  showMessages(fields);
  const first = Object.values(fields)[0];
  return {
    elements: Object.values(fields).map((field) => field.element),
    read: () => readAll(fields),
    showFaults(faults) {
      for (const [name, field] of Object.entries(fields)) field.showFault(faults[name] ?? "");
      fields[Object.keys(faults)[0]]?.focus();
    },
    showCurrent: (newest) => Object.entries(fields).forEach(([name, field]) => field.showCurrent(newest[name])),
    focus: () => first?.focus(),
  };
}

function showMessages({ mode, ...fields }) {
  if (!mode) return;
  const isNeeded = needsMessages(mode.read().value);
  for (const name of MESSAGES) if (fields[name]) fields[name].element.hidden = !isNeeded;
}

/** { changes, expected, faults: { name: text } } of what differs from what is in force. */
function readAll(fields) {
  const [changes, expected, faults] = [{}, {}, {}];
  const readings = Object.entries(fields).map(([name, field]) => [name, field, field.read()]);
  for (const [name, field, { value, fault }] of readings) {
    if (field.element.hidden) continue;
    if (fault) faults[name] = fault;
    else if (value !== field.current()) changes[name] = value;
  }
  // A mode that turns people away goes with its messages: nobody may have emptied them meanwhile.
  if (fields.mode && needsMessages(fields.mode.read().value) && Object.keys(changes).length)
    for (const name of ["mode", ...MESSAGES]) changes[name] ??= fields[name].read().value;
  for (const name of Object.keys(changes)) expected[name] = fields[name].current();
  return { changes, expected, faults };
}

function createField(control) {
  const { name } = control;
  const id = `field-${name}`;
  const [hint, error] = [h("p", { class: "hint", id: `${id}-hint` }), h("p", { class: "error", id: `${id}-error` })];
  const input = INPUTS[control.kind](control, id, `${id}-hint ${id}-error`);
  let current;
  const label = input.isGroup ? h("legend", {}, labelOf(name)) : h("label", { for: id }, labelOf(name));
  const tag = input.isGroup ? "fieldset" : "div";
  const field = {
    element: h(tag, { class: `field ${control.kind}` }, label, input.element, hint, error),
    read: input.read,
    focus: input.focus,
    current: () => current,
    showFault(text) {
      write(error, text);
      input.element.setAttribute("aria-invalid", String(text !== ""));
    },
    showCurrent({ value }) {
      current = value;
      const texts = [t("change.now_in_force", { value: textOf(name, value) }), rangeOf(control, "change.range")];
      write(hint, texts.filter(Boolean).join(" · "));
    },
  };
  field.showCurrent(control);
  return field;
}

const INPUTS = { integer: integerInput, boolean: booleanInput, choice: choiceInput, text: textInput };

function integerInput({ value, lowest, highest }, id, described) {
  const attributes = { type: "text", inputmode: "numeric", autocomplete: "off", "aria-describedby": described };
  const element = h("input", { id, value, ...attributes });
  return {
    element,
    focus: () => element.select(),
    read() {
      const digits = element.value.replace(BETWEEN_DIGITS, "");
      if (!/^\d+$/.test(digits)) return { fault: t("fault.whole") };
      const read = Number(digits);
      if (read >= lowest && read <= highest) return { value: read };
      return { fault: t("fault.out_of_range", { lowest: number(lowest), highest: number(highest) }) };
    },
  };
}

function booleanInput({ value }, id, described) {
  const element = h("input", { id, type: "checkbox", checked: value, "aria-describedby": described });
  return { element, focus: () => element.focus(), read: () => ({ value: element.checked }) };
}

function choiceInput({ name, value, choices }, id, described) {
  const radios = choices.map((choice) =>
    h("input", { type: "radio", name: id, value: choice, checked: choice === value }));
  const attributes = { role: "radiogroup", "aria-label": labelOf(name), "aria-describedby": described };
  const element = h("div", { class: "choices", ...attributes },
    radios.map((radio, i) =>
      h("label", {}, radio, h("span", {}, h("b", {}, nameOf(name, choices[i])),
        h("small", {}, nameOf(`${name}_about`, choices[i]))))));
  const chosen = () => radios.find((radio) => radio.checked);
  return { element, isGroup: true, focus: () => chosen().focus(), read: () => ({ value: chosen().value }) };
}

function textInput({ name, value, highest }, id, described) {
  const lang = name.slice(-2);
  const element = h("textarea", { id, rows: 2, lang, "aria-describedby": described }, value ?? "");
  return {
    element,
    focus: () => element.focus(),
    read() {
      const read = element.value.trim();
      if (!read) return { fault: t("fault.message") };
      return read.length > highest ? { fault: t("fault.long", { highest: number(highest) }) } : { value: read };
    },
  };
}
