// The page around the card: progress, status line, buttons, and the three small panels.

class Page {
  constructor(root, desk) {
    this.root = root;
    this.desk = desk;
    const main = root.querySelector(".desk");
    const part = (name) => root.querySelector(`[data-part=${name}]`);
    this.parts = { main, progress: part("progress"), card: part("card"), status: part("status"), said: part("said"),
      saving: part("saving"), buttons: part("buttons"), panel: part("panel") };
  }

  paintProgress(progress) {
    const state = JSON.stringify(progress);
    if (state === this.progressState) return;
    this.progressState = state;
    const bar = make("progress");
    bar.max = Math.max(1, progress.total);
    bar.value = progress.decided;
    bar.setAttribute("aria-label", "Decided");
    fill(this.parts.progress, make("span", "figure", `${NUMBER.format(progress.decided)} of ${NUMBER.format(progress.total)}`),
      bar, ...progress.lines.map((line) => make("span", "quiet", line)));
  }

  paintCard(card, view) {
    fill(this.parts.card, ...paintCard(card, view, (name) => this.desk.relabel(name)));
    this.paintButtons(card);
  }

  paintButtons(card) {
    const state = JSON.stringify([card.content.kind, this.desk.view.revealed, [...this.desk.keys]]);
    if (state === this.buttonState) return;
    this.buttonState = state;
    const shown = ACTIONS.filter((action) => !action.only || action.only === card.content.kind
      || (action.only === "revealed" && this.desk.view.revealed));
    fill(this.parts.buttons, ...shown.map((action) => this.button(action)));
  }

  button(action) {
    const button = make("button", "action");
    button.type = "button";
    button.append(make("kbd", "", this.desk.keys.get(action.name).toUpperCase()), make("span", "", action.label));
    button.addEventListener("click", (event) => {
      if (event.detail > 1) return; // the second half of a double click
      this.desk.pressedAt = event.timeStamp;
      this.desk.act(action);
    });
    return button;
  }

  paintEmpty(data, outbox) {
    delete this.root.host.dataset.item;
    this.buttonState = null;
    const waits = outbox.size > 0 || outbox.wanted || data.nonce !== outbox.nonce || outbox.seq > outbox.answered;
    const shown = data.empty && !waits ? data.empty : { title: "Fetching the next items…", lines: [], links: [] };
    const links = shown.links.map((link) => {
      const anchor = make("a", "", link.label);
      anchor.href = link.href;
      return fill(make("li"), anchor);
    });
    fill(this.parts.card, fill(make("div", "empty"), make("h2", "", shown.title),
      ...shown.lines.map((line) => make("p", "", line)), links.length ? fill(make("ul"), ...links) : null));
    fill(this.parts.buttons, ...(waits ? [] : ACTIONS.filter((a) => a.name === "undo").map((a) => this.button(a))));
  }

  say(text, isProblem, canUndo, canRedo) {
    const keys = this.desk.keys;
    const hint = canUndo ? ` · ${keys.get("undo").toUpperCase()} undo`
      : canRedo ? ` · ${keys.get("redo").toUpperCase()} redo` : "";
    this.parts.said.className = isProblem ? "problem" : "";
    this.parts.said.textContent = text + hint;
  }

  paintSaving(count, isLate) {
    const text = count === 0 ? "" : isLate ? `not saved yet: ${count}` : "saving…";
    if (this.parts.saving.textContent === text) return;
    this.parts.saving.textContent = text;
    this.parts.saving.className = isLate ? "problem" : "quiet";
  }

  // ---- panels

  open(kind, ...children) {
    this.opened = kind;
    this.parts.panel.hidden = false;
    fill(this.parts.panel, ...children);
  }

  close() {
    this.opened = null;
    this.waitingFor = null;
    this.parts.panel.hidden = true;
    this.parts.panel.replaceChildren();
    this.parts.main.focus({ preventScroll: true });
  }

  // True if the key was meant for an open panel.
  takesKey(key, event) {
    if (!this.opened) return false;
    if (this.waitingFor && key !== "escape") {
      event.preventDefault();
      this.changeKey(this.waitingFor, key);
    } else if (key === "escape" || (this.opened === "keys" && key === this.desk.keys.get("keys"))) {
      event.preventDefault();
      this.close();
    }
    return true;
  }

  openKeys(problem) {
    const parts = paintKeys(this.desk.keys, (name, button) => {
      this.waitingFor = name;
      fill(button, make("span", "", "press a key"));
    }, () => {
      writeKeys(new Map(ACTIONS.map((action) => [action.name, action.key])));
      this.takeKeys();
    });
    const done = make("button", "quiet", "Done");
    done.type = "button";
    done.addEventListener("click", () => this.close());
    this.open("keys", make("h2", "", "Keys"), ...parts, done, problem ? make("p", "problem", problem) : null);
  }

  changeKey(name, key) {
    const problem = keyProblem(this.desk.keys, name, key);
    this.waitingFor = null;
    if (problem === null) {
      this.desk.keys.set(name, key);
      writeKeys(this.desk.keys);
    }
    this.takeKeys(problem);
  }

  takeKeys(problem) {
    this.desk.keys = readKeys();
    this.openKeys(problem);
    if (this.desk.card) this.paintButtons(this.desk.card);
  }

  openNote() {
    if (!this.desk.card) return;
    const label = make("label", "", "Note, kept with your next decision on this item");
    const input = make("textarea");
    input.value = this.desk.note;
    input.rows = 2;
    input.maxLength = 10000;
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" && (event.key !== "Enter" || event.shiftKey)) return;
      event.preventDefault();
      event.stopPropagation();
      this.desk.note = event.key === "Escape" ? this.desk.note : input.value.trim();
      if (this.desk.note) this.say("Note kept for this decision.");
      this.close();
    });
    this.open("note", fill(label, input), make("p", "quiet", "Enter keeps it, Escape leaves."));
    input.focus();
  }

  openFind() {
    if (!this.desk.card) return;
    const input = make("input");
    const list = make("ul", "found");
    list.role = "listbox";
    list.id = "found";
    list.setAttribute("aria-label", "Classes");
    Object.assign(input, { type: "text", role: "combobox", autocomplete: "off" });
    input.setAttribute("aria-controls", "found");
    input.setAttribute("aria-expanded", "true");
    const find = { input, list, names: [], place: 0 };
    input.addEventListener("input", () => this.listClasses(find, 0));
    input.addEventListener("keydown", (event) => this.onFindKey(event, find));
    this.open("find", fill(make("label", "", "Find a class"), input), list);
    this.listClasses(find, 0);
    input.focus();
  }

  listClasses(find, place) {
    const wanted = find.input.value.trim().toLowerCase();
    const rank = (name) => (name.toLowerCase().startsWith(wanted) ? 0 : 1);
    find.names = this.desk.classes.filter((name) => name.toLowerCase().includes(wanted))
      .sort((a, b) => rank(a) - rank(b)).slice(0, 12);
    find.place = Math.max(0, Math.min(place, find.names.length - 1));
    fill(find.list, ...find.names.map((name, index) => {
      const option = make("li", "", name);
      option.role = "option";
      option.id = `found-${index}`;
      option.ariaSelected = String(index === find.place);
      option.addEventListener("click", (event) => { if (event.detail < 2) this.pick(name); });
      return option;
    }));
    find.input.setAttribute("aria-activedescendant", find.names.length ? `found-${find.place}` : "");
    if (!find.names.length) fill(find.list, make("li", "quiet", "No class has that in its name."));
  }

  onFindKey(event, find) {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps) this.listClasses(find, find.place + steps[event.key]);
    else if (event.key === "Escape") this.close();
    else if (event.key === "Enter" && find.names.length && !event.repeat) this.pick(find.names[find.place]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  pick(name) {
    this.close();
    this.desk.relabel(name);
  }
}
