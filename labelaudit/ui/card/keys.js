// Which key does what. Each can be changed; the choice stays in this browser.

const ACTIONS = [
  { name: "keep", key: "q", label: "keep", verdict: "keep", said: "kept", ofLabel: true },
  { name: "accept", key: "w", label: "take suggestion", said: "relabelled", ofLabel: true },
  { name: "ambiguous", key: "a", label: "people would differ", verdict: "ambiguous", said: "ambiguous" },
  { name: "several", key: "m", label: "several fit…" },
  { name: "none", key: "n", label: "none fits", verdict: "none_fits", said: "none fits" },
  { name: "exclude", key: "e", label: "exclude", verdict: "exclude", said: "excluded" },
  { name: "skip", key: "s", label: "skip", verdict: "skip", said: "skipped" },
  { name: "undo", key: "z", label: "undo" },
  { name: "redo", key: "y", label: "redo" },
  { name: "find", key: "f", label: "find class…" },
  { name: "note", key: "t", label: "note" },
  { name: "next", key: "enter", label: "next", only: "revealed" },
  { name: "larger", key: "+", label: "larger", only: "image" },
  { name: "smaller", key: "-", label: "smaller", only: "image" },
  { name: "pixels", key: "x", label: "pixels or smooth", only: "image" },
  { name: "keys", key: "k", label: "keys" },
];

const KEYS_STORED = "labelaudit:keys";

function readKeys() {
  const own = stored(localStorage, KEYS_STORED) || {};
  return new Map(ACTIONS.map((action) => [action.name, own[action.name] || action.key]));
}

function writeKeys(keys) {
  const changed = ACTIONS.filter((action) => keys.get(action.name) !== action.key);
  keep(localStorage, KEYS_STORED,
    changed.length ? Object.fromEntries(changed.map((action) => [action.name, keys.get(action.name)])) : null);
}

// Undefined for keys that belong to the browser, to a field, or to nobody; held keys repeat and count once.
function keyOf(event) {
  if (event.repeat || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return undefined;
  const target = event.composedPath()[0];
  if (target instanceof Element && target.closest("input, textarea, select, [contenteditable=true]")) return undefined;
  if (event.key === "Enter" && target instanceof Element && target.closest("button, a, summary")) return undefined;
  return event.key.toLowerCase();
}

function actionOf(keys, key) {
  return ACTIONS.find((action) => keys.get(action.name) === key);
}

// Why a key cannot be given to an action, or null.
function keyProblem(keys, name, key) {
  if (key.length !== 1 && key !== "enter") return "Use a letter or a sign.";
  if (/^[0-9]$/.test(key)) return "Digits choose classes.";
  if (key === "c" || key === "r") return "C and R belong to the page itself.";
  const taken = ACTIONS.find((action) => action.name !== name && keys.get(action.name) === key);
  return taken ? `That key already means “${taken.label}”.` : null;
}

function paintKeys(keys, change, reset) {
  const rows = ACTIONS.map((action) => {
    const button = make("button", "key");
    button.type = "button";
    button.setAttribute("aria-label", `Key for ${action.label}: ${keys.get(action.name)}. Press to change.`);
    fill(button, make("kbd", "", keys.get(action.name).toUpperCase()));
    button.addEventListener("click", () => change(action.name, button));
    return fill(make("li"), button, make("span", "", action.label));
  });
  return [make("p", "", "Choose an action, then press its new key. Digits 1 to 9 choose classes."),
    fill(make("ul", "keylist"), ...rows), press("Set all back", reset)];
}
