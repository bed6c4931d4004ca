// Building the card. Everything that comes from data goes through textContent: nothing in it can act.

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined && text !== null) element.textContent = text;
  return element;
}

function fill(element, ...children) {
  element.replaceChildren(...children.filter((child) => child));
  return element;
}

// A button of a panel.
function press(label, act) {
  const button = make("button", "quiet", label);
  button.type = "button";
  button.addEventListener("click", (event) => { if (event.detail < 2) act(); });
  return button;
}

const NUMBER = new Intl.NumberFormat();

function share(p) {
  if (p === null || p === undefined) return "";
  if (p < 0.005) return "< 1%"; // what is 0 or 1 here was rounded, or is as good as
  return p >= 0.995 ? "> 99%" : `${Math.round(p * 100)}%`;
}

// A name of a class, which has no spaces to break a line at.
function paintName(element, name) {
  for (const piece of name.split(/(?<=[_/-])/)) element.append(piece, make("wbr"));
  return element;
}

function paintText(content) {
  const box = make("div", "text", content.text);
  box.dir = "auto";
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", "Text of the item");
  return box;
}

function paintImage(content, view) {
  const frame = make("div", view.pixels ? "frame pixels" : "frame");
  frame.tabIndex = 0;
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", "Image of the item");
  const image = make("img");
  image.src = content.src;
  image.alt = content.name;
  const fits = Math.min(520 / content.width, 352 / content.height);
  const scale = Math.min(fits, view.pixels ? Math.max(1, Math.floor(fits)) : fits, 16) * view.zoom;
  image.width = Math.max(1, Math.round(content.width * scale));
  image.height = Math.max(1, Math.round(content.height * scale));
  return fill(frame, image);
}

function paintTable(content, hidden) {
  const table = make("table", "cells");
  const body = make("tbody");
  for (const cell of content.cells) {
    const why = hidden ? "" : cell.why; // unusual for the given class, and not for the suggested one
    const row = make("tr", why ? "unusual" : "");
    const name = make("th", "", cell.name);
    name.scope = "row";
    const value = make("td", cell.value === null ? "missing" : "", cell.value === null ? "missing" : cell.value);
    value.dir = "auto";
    body.append(fill(row, name, value, make("td", "why", why ? `unusual: ${why}` : "")));
  }
  return fill(table, body);
}

function paintContent(content, view, hidden) {
  const parts = [];
  if (content.kind === "text") parts.push(paintText(content));
  else if (content.kind === "image") parts.push(paintImage(content, view));
  else if (content.kind === "table") parts.push(paintTable(content, hidden));
  else parts.push(make("p", "notice", content.message));
  for (const note of content.notes || []) parts.push(make("p", "quiet", note));
  return parts;
}

function paintLabels(card, hidden) {
  if (card.check) return make("p", "quiet", "Random check: which class is it?");
  const list = make("dl", "labels");
  list.append(make("dt", "", "given"), make("dd", "given", card.given_label ?? "no label"));
  if (!hidden && card.suggested_label !== null) {
    const suggested = make("dd", "suggested", card.suggested_label);
    if (card.suggested_probability !== null) suggested.append(make("span", "figure", share(card.suggested_probability)));
    list.append(make("dt", "", "suggested"), suggested);
  }
  return list;
}

function paintClasses(card, hidden, choose) {
  const list = make("ol", "classes");
  const shown = hidden ? card.blind_classes : card.classes;
  shown.forEach((entry, place) => {
    const button = make("button", hidden ? "class bare" : "class");
    button.type = "button";
    const name = paintName(make("span", "name"), entry.name);
    if (entry.name === card.given_label) name.append(make("span", "quiet", " · given"));
    button.append(make("kbd", "", String(place + 1)), name);
    if (!hidden && entry.p !== null) {
      const bar = make("span", "bar");
      const inner = make("span", "inner");
      inner.style.width = `${entry.p * 100}%`;
      bar.setAttribute("aria-hidden", "true");
      button.append(fill(bar, inner), make("span", "figure", share(entry.p)));
    }
    button.addEventListener("click", (event) => { if (event.detail < 2) choose(entry.name); });
    list.append(fill(make("li"), button));
  });
  return list;
}

function paintNeighbor(neighbor) {
  const entry = make("li", neighbor.src ? "thumb" : "");
  if (neighbor.src) {
    const image = make("img");
    image.src = neighbor.src;
    image.alt = neighbor.text;
    image.title = neighbor.text;
    entry.append(image);
  } else {
    entry.append(make("span", "", neighbor.text));
    entry.title = neighbor.text; // a long one is cut off
    entry.firstChild.dir = "auto";
  }
  return entry;
}

function paintNeighbors(card) {
  const note = card.content.kind === "table" ? ": what differs" : "";
  const columns = card.neighbors.filter((side) => side.items.length).map((side) => {
    const list = make("ul", side.items[0].src ? "strip" : "near");
    for (const neighbor of side.items) list.append(paintNeighbor(neighbor));
    return fill(make("section", "like"), make("h3", "", `nearest labelled “${side.name}”${note}`), list);
  });
  return columns.length ? fill(make("div", "neighbors"), ...columns) : null;
}

function paintScores(card) {
  const rows = card.scores.map((score) => {
    const row = make("tr");
    const above = score.above === null ? "" : score.above < 0.005 ? "lowest of all" : `higher than ${share(score.above)} of items`;
    return fill(row, make("th", "", score.name), make("td", "figure", score.value), make("td", "quiet", above));
  });
  return fill(make("details", "scores"), make("summary", "", "Scores"), fill(make("table"), ...rows));
}

// `more` stands below the classes, or is null.
function paintCard(card, view, choose, more) {
  const hidden = card.blind && !view.revealed;
  const left = fill(make("div", "item"), ...paintContent(card.content, view, hidden));
  left.append(fill(make("p", "quiet meta"), make("span", "", `id ${card.item_id}`), ...card.groups.filter((group) => group.value).map(
    (group) => make("span", "", ` · ${group.name}: ${group.value}`))));
  const reasons = !hidden && card.reasons
    ? fill(make("p", "reasons"), make("strong", "", "Why it is here: "), `${card.reasons}.`) : null;
  // A text leaves room below it; an image or a row fills the left side, and the keys must stay in sight.
  if (reasons && card.content.kind === "text") left.append(reasons);
  const right = fill(make("div", "side"), card.notice ? make("p", "notice", card.notice) : null,
    paintLabels(card, hidden), paintClasses(card, hidden, choose), more);
  if (reasons && card.content.kind !== "text") right.append(reasons);
  if (hidden) {
    right.append(make("p", "quiet", card.check ? "Neither the label it has nor a suggestion is shown."
      : "Decide first: the suggestion is shown afterwards."));
  }
  const parts = [fill(make("div", "top"), left, right)];
  if (!hidden) {
    const neighbors = paintNeighbors(card);
    if (neighbors) parts.push(neighbors);
    parts.push(paintScores(card));
  }
  return parts;
}
